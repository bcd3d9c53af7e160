// What @huggingface/hub sees of a mirror, and gets from it; JSON on standard output.
//
//   mirror.mjs URL REPO FILE CACHE-FOLDER
//
// A download is broken off after a third and goes on from there.
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const from = createRequire(`${process.env.ORION_SERVER_PEER}/package.json`);
const hub = await import(pathToFileURL(from.resolve('@huggingface/hub')));
const [hubUrl, repo, path, cacheDir] = process.argv.slice(2);
const sha256 = (pieces) => pieces.reduce((hash, piece) => hash.update(piece), createHash('sha256')).digest('hex');
console.debug = () => {};  // the client tells of its downloads there

async function all(generator) {
  const found = [];
  for await (const item of generator) found.push(item);
  return found;
}

async function brokenOff(blob) {
  const pieces = [];
  let bytes = 0;
  const reader = blob.stream().getReader();
  while (bytes < blob.size / 3) {
    const { value } = await reader.read();
    pieces.push(value);
    bytes += value.length;
  }
  await reader.cancel();
  const rest = new Uint8Array(await blob.slice(bytes).arrayBuffer());
  return { resumedAt: bytes, size: bytes + rest.length, sha256: sha256([...pieces, rest]) };
}

async function snapshot() {
  const folder = await hub.snapshotDownload({ repo, hubUrl, cacheDir });
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.gguf'));
  const found = {};
  for (const name of files) found[name] = sha256([await readFile(join(folder, name))]);
  return { commit: folder.split('/').pop(), files: found };
}

const info = await hub.fileDownloadInfo({ repo, path, hubUrl });
const blob = await hub.downloadFile({ repo, path, hubUrl });
const refused = await hub.modelInfo({ name: 'acme/none', hubUrl }).catch((error) => error.statusCode);
process.stdout.write(JSON.stringify({
  models: (await all(hub.listModels({ hubUrl, search: { query: 'tiny', owner: 'acme' } }))).map(({ name }) => name),
  info: await hub.modelInfo({ name: repo, hubUrl, additionalFields: ['sha', 'filePaths'] }),
  files: await all(hub.listFiles({ repo, hubUrl, recursive: true, expand: true })),
  paths: await hub.pathsInfo({ repo, paths: [path], expand: true, hubUrl }),
  exists: await hub.fileExists({ repo, path, hubUrl }),
  absent: [await hub.fileExists({ repo, path: 'none.gguf', hubUrl }),
    await hub.downloadFile({ repo, path: 'none.gguf', hubUrl }), refused],
  download: { etag: info.etag, size: info.size, sha256: sha256([new Uint8Array(await blob.arrayBuffer())]) },
  resumed: await brokenOff(blob),
  snapshot: await snapshot(),
}));
