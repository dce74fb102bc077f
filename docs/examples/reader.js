// Reads a post's vector, what its values are called, and what trends from Redis, by docs/contract.md alone. Node 18 or
// later, no packages: node reader.js HOST:PORT POST|- [REGION] [KEY PREFIX]; a dash takes the post that trends most.
const net = require("node:net");

const [address, wanted, region = "all", prefix = ""] = process.argv.slice(2);
const socket = net.connect(Number(address.split(":").pop()), address.split(":").slice(0, -1).join(":"));
const bytes = socket[Symbol.asyncIterator]();
let buffer = Buffer.alloc(0);

async function take(until) { // a line without its end, or so many bytes with theirs
  for (;;) {
    const end = until === "\r\n" ? buffer.indexOf(until) : buffer.length < until + 2 ? -1 : until;
    if (end >= 0) { const taken = buffer.subarray(0, end); buffer = buffer.subarray(end + 2); return taken; }
    const { value, done } = await bytes.next();
    if (done) throw new Error("Redis closed the connection");
    buffer = Buffer.concat([buffer, value]);
  }
}

async function reply() { // RESP: strings as buffers, numbers as numbers, null for what is not there
  const line = (await take("\r\n")).toString(), kind = line[0], rest = line.slice(1);
  if (kind === "-") throw new Error(rest);
  if (kind === "$") return rest === "-1" ? null : take(Number(rest));
  if (kind === "*") { const all = []; for (let n = Number(rest); n > 0; n--) all.push(await reply()); return all; }
  return kind === ":" ? Number(rest) : rest;
}

function ask(...words) {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  socket.write(`*${words.length}\r\n${parts.join("")}`);
  return reply();
}

function vector(value) { // uint16 layout, uint16 feature set, uint32 count, int64 as of, float32 values
  if (value === null || value.readUInt16LE(0) !== 1) return null; // an unknown layout counts as missing
  const at = (i) => value.readFloatLE(16 + 4 * i), count = value.readUInt32LE(4);
  const values = Array.from({ length: count }, (_, i) => (Number.isNaN(at(i)) ? null : at(i)));
  return { feature_set: value.readUInt16LE(2), as_of_ms: Number(value.readBigInt64LE(8)), values };
}

(async () => {
  const flat = await ask("ZRANGE", `${prefix}trending:${region}`, "0", "-1", "WITHSCORES");
  const trending = flat.filter((_, i) => i % 2 === 0).map((id, i) => ({ post_id: `${id}`, velocity: Number(flat[2 * i + 1]) }));
  trending.sort((a, b) => b.velocity - a.velocity || (BigInt(a.post_id) < BigInt(b.post_id) ? -1 : 1)); // ids pass 2^53
  const post_id = wanted === "-" ? trending[0]?.post_id : wanted;
  const found = vector(await ask("GET", `${prefix}features:post:${post_id}`));
  const set = found && JSON.parse(await ask("GET", `${prefix}feature_set:${found.feature_set}`));
  const names = set ? set.features.filter((one) => one.entity === "post").map((one) => one.name) : [];
  const features = found && Object.fromEntries(names.map((name, i) => [name, found.values[i]]));
  console.log(JSON.stringify({ region, trending, post_id, as_of_ms: found?.as_of_ms, feature_set: set?.version, features }));
  socket.end();
})().catch((error) => { console.error(`${error.message}`); process.exit(1); });
