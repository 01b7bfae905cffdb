// Runs inside an empty folder where the packed tarball was installed: every public door opens and holds something.

const doors = ['xmpp-mls', 'xmpp-mls/node', 'xmpp-mls/noble', 'xmpp-mls/wire'];
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
