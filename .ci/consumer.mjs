// Runs inside an empty folder where the packed tarball was installed: every public door opens and holds something.

const stores = ['memory', 'level', 'indexeddb', 'sealed', 'journaled', 'conformance'];
const adapters = ['xmppjs', 'stanzajs', 'strophe'];
const doors = [
  'xmpp-mls',
  ...[
    'node',
    'noble',
    'wire',
    'store',
    'xmpp',
    'embedded',
    ...stores.map((name) => `store/${name}`),
    ...adapters.map((name) => `xmpp/${name}`),
  ].map((name) => `xmpp-mls/${name}`),
];
for (const door of doors) {
  const names = Object.keys(await import(door));
  if (names.length === 0) throw new Error(`${door} exports nothing`);
  if (names.includes('default')) throw new Error(`${door} has a default export`);
  console.log(`${door}: ${names.length} names`);
}
let hidden = false;
try {
  await import('xmpp-mls/dist/base/bytes.js');
} catch (error) {
  hidden = error.code === 'ERR_PACKAGE_PATH_NOT_EXPORTED';
}
if (!hidden) throw new Error('an inner module can be imported from outside');
