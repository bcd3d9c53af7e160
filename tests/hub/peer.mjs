// What the hub's own npm clients see; JSON on standard output.
//
//   peer.mjs HUB-URL REPO [TOKEN]      every file with its facts and SHA-256
//   peer.mjs HUB-URL REPO FILE gguf    what is in a GGUF file
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const from = createRequire(`${process.env.ORION_PEER}/package.json`);
const load = (name) => import(pathToFileURL(from.resolve(name)));
const plain = (key, value) => (typeof value === 'bigint' ? Number(value) : value);

async function files(hubUrl, repo, accessToken) {
  const { listFiles, downloadFile } = await load('@huggingface/hub');
  const found = {};
  for await (const { type, path, size, lfs } of listFiles({ repo, hubUrl, accessToken, recursive: true })) {
    if (type !== 'file') continue;
    const blob = await downloadFile({ repo, path, hubUrl, accessToken });
    const bytes = Buffer.from(await blob.arrayBuffer());
    found[path] = { size, oid: lfs?.oid, got: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex') };
  }
  return found;
}

async function facts(hubUrl, repo, file) {
  const { gguf, GGMLQuantizationType } = await load('@huggingface/gguf');
  const read = await gguf(`${hubUrl}/${repo}/resolve/main/${file}`, { computeParametersCount: true });
  const metadata = {};
  for (const [key, value] of Object.entries(read.metadata))
    metadata[key] = Array.isArray(value) ? { array: value.length } : value;
  const tensors = read.tensorInfos.map(({ name, shape, dtype, offset }) =>
    ({ name, shape, type: GGMLQuantizationType[dtype], offset: read.tensorDataOffset + offset }));
  return { metadata, tensors, parameters: read.parameterCount };
}

const [hubUrl, repo, third, what] = process.argv.slice(2);
const result = what === 'gguf' ? await facts(hubUrl, repo, third) : await files(hubUrl, repo, third);
process.stdout.write(JSON.stringify(result, plain));
