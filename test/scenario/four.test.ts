import { expect, it } from 'vitest';
import { acceptAnyCredential, basicCredential, createClient, externalPsk, remove, setExtensions, update, utf8, type Group } from '../../src/index.ts';
import { nobleProvider } from '../../src/crypto/noble/index.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';

const make = (name: string, suite: number, provider: any, policy: any = {}) =>
  createClient({ credential: basicCredential(name), validateCredential: acceptAnyCredential, suite, provider, policy, psks: () => utf8('shared') });

for (const [pname, provider] of [['noble', nobleProvider], ['node', nodeProvider]] as const)
for (const suite of [1, 2, 3, 4, 5, 6, 7])
for (const handshake of ['private', 'public'] as const)
  it(`four members ${pname} ${suite} ${handshake}`, () => {
    const cs = ['a', 'b', 'c', 'd'].map((n) => make(n, suite, provider, { handshake }));
    const [a, b, c, d] = cs as any;
    const ga: Group = a.createGroup();
    const inv = ga.invite([b.createKeyPackage().message, c.createKeyPackage().message]);
    ga.accept(inv);
    const gb: Group = b.prepareJoin(inv.welcome).accept();
    const gc: Group = c.prepareJoin(inv.welcome).accept();
    let all = [ga, gb, gc];
    const agree = () => { for (const g of all) expect(g.epochAuthenticator).toEqual(all[0]!.epochAuthenticator); };
    agree();
    const say = (g: Group, text: string) => {
      const m = g.encrypt(utf8(text));
      for (const o of all) if (o !== g) { const r = o.process(m); expect(r.kind).toBe('application'); expect((r as any).data).toEqual(utf8(text)); expect(o.process(m).kind).toBe('duplicate'); }
      expect(g.process(m).kind).toBe('own-message');
    };
    say(ga, 'x'); say(gb, 'y'); say(gb, 'z'); say(gc, '');
    const commit = (g: Group, inputs: any[] = [], opts: any = {}) => {
      const m = g.commit(inputs, opts);
      for (const o of all) if (o !== g) { const r: any = o.process(m.message); expect(r.kind).toBe('commit'); o.accept(r.commit); }
      const own: any = g.process(m.message); expect(own.kind).toBe('own-commit'); g.accept(own.commit);
      all = all.filter((x) => x.status === 'active');
      agree();
      return m;
    };
    commit(gb); commit(gc); commit(ga, [externalPsk(utf8('p'))], { path: 'omit' });
    const i2 = commit(gc, [{ kind: 'add', keyPackage: d.createKeyPackage().message }]);
    const gd = d.prepareJoin(i2.welcome).accept(); all.push(gd); agree(); say(gd, 'hi'); say(ga, 'yo');
    const p = gb.propose(update());
    for (const o of all) if (o !== gb) expect(o.process(p.message).kind).toBe('proposal');
    commit(gd); say(gb, 'after update'); commit(gb);
    commit(ga, [remove(gc.self)]); expect(gc.status).toBe('removed'); say(gd, 'no c');
    commit(gd, [setExtensions([])]);
    // external join
    const e = make('e', suite, provider);
    const j = e.prepareExternalJoin(ga.groupInfo());
    for (const o of all) { const r: any = o.process(j.message); expect(r.kind).toBe('commit'); o.accept(r.commit); }
    all.push(j.accept()); agree(); say(all.at(-1)!, 'external');
    const j2 = e.prepareExternalJoin(ga.groupInfo(), { resync: true });
    all.pop();
    for (const o of all) { const r: any = o.process(j2.message); expect(r.kind).toBe('commit'); o.accept(r.commit); }
    all.push(j2.accept()); agree(); say(all.at(-1)!, 'resync'); commit(ga); commit(all.at(-1)!);
  });
