// llama.cpp, by way of node-llama-cpp, asked for what orion is asked for.
//
//   node peer.mjs bench MODEL THREADS CONTEXT TEST,TEST...    JSON as of `orion bench`
//   node peer.mjs first MODEL THREADS ID,ID...                one token after a prompt
//   node peer.mjs logits MODEL THREADS [BATCH]                what follows each position
//   node peer.mjs embed MODEL THREADS                         vectors of inputs
//
// PEER names the folder that node-llama-cpp is installed in.  Batches go through
// the addon's own calls (initBatch, addToBatch, decodeBatch), below what
// node-llama-cpp adds for sampling, history and sharing among sequences.
// BATCH (512) and FLASH (auto, on, off) in the environment change how.
//
// `logits` reads a list of windows from standard input, [[id, id, ...], ...],
// and prints for each position but the last of each: the two likeliest ids, their
// logits, and the log-likelihood of the id that comes next.
//
// `embed` reads a list of inputs from standard input, texts or lists of ids, and prints
// their vectors, how long they took after a few that warm up, and the processor time.
import fs from "node:fs";
import path from "node:path";

const started = performance.now();
const {getLlama, LlamaLogLevel} = await import(
    path.resolve(process.env.PEER, "node_modules/node-llama-cpp/dist/index.js"));
const [verb, modelPath, threadsText, ...rest] = process.argv.slice(2);
const threads = Number(threadsText);
const batch = Number(process.env.BATCH ?? 512);
const flash = {auto: "auto", on: true, off: false}[process.env.FLASH ?? "auto"];

async function open(contextSize) {
    const llama = await getLlama({gpu: false, build: "never", maxThreads: threads,
                                  logLevel: LlamaLogLevel.error, progressLogs: false});
    const from = performance.now();
    const model = await llama.loadModel({modelPath, gpuLayers: 0});
    const context = await model.createContext({contextSize, batchSize: Math.min(batch, contextSize),
                                               threads, flashAttention: flash, sequences: 1});
    context._ctx.setThreads(threads);
    return {llama, model, ctx: context._ctx, contextSize, loadMs: performance.now() - from};
}

// Compute ids from position `at` on, with logits of the last of each piece, or of all.
async function compute({ctx}, ids, at, piece, all = false, onPiece = undefined) {
    for (let from = 0; from < ids.length; from += piece) {
        const part = Uint32Array.from(ids.slice(from, from + piece));
        const wanted = all ? Uint32Array.from(part.keys()) : Uint32Array.of(part.length - 1);
        ctx.initBatch(part.length);
        const indexes = ctx.addToBatch(0, at + from, part, wanted);
        await ctx.decodeBatch();
        await onPiece?.(from, indexes);
    }
}

function status(label) {
    const match = fs.readFileSync("/proc/self/status", "utf8").match(new RegExp(label + ":\\s+(\\d+)"));
    return match ? Number(match[1]) * 1024 : 0;
}

function randomIds(count, vocabSize) {
    let state = 1;
    return Array.from({length: count}, () => {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        return (state >>> 8) % vocabSize;
    });
}

async function runTest(engine, name, vocabSize) {
    const [, kind, tokens, depth] = name.match(/^(pp|tg)(\d+)(?:@(\d+))?$/);
    const ids = randomIds(Number(depth ?? 0) + Number(tokens), vocabSize);
    const before = ids.splice(0, Number(depth ?? 0));
    engine.ctx.disposeSequence(0);
    await compute(engine, before, 0, batch);
    const cpu = process.cpuUsage();
    const from = performance.now();
    await compute(engine, ids, before.length, kind === "tg" ? 1 : batch);
    const seconds = (performance.now() - from) / 1e3;
    const used = process.cpuUsage(cpu);
    return {test: name, tokens_per_second: ids.length / seconds,
            tokens_per_cpu_second: ids.length / ((used.user + used.system) / 1e6)};
}

async function bench() {
    const engine = await open(Number(rest[0]));
    const vocabSize = engine.model.fileInfo.metadata.tokenizer.ggml.tokens.length;
    const first = await runTest(engine, "pp16", vocabSize); // warms up, too
    const tests = [];
    for (const name of rest[1].split(","))
        tests.push(await runTest(engine, name, vocabSize));
    return {load_ms: engine.loadMs, first_token_ms: engine.loadMs + 16e3 / first.tokens_per_second,
            peak_bytes: status("VmHWM"), private_bytes: status("RssAnon"), tests};
}

// Greedy: the likeliest token, of all of them.
function greedySampler({llama, model}) {
    const sampler = new llama._bindings.AddonSampler(model._model);
    sampler.applyConfig({temperature: 0});
    return sampler;
}

async function first() {
    const begun = performance.now();
    const ids = rest[0].split(",").map(Number);
    const engine = await open(4096);
    let indexes;
    await compute(engine, ids, 0, batch, false, (_, i) => { indexes = i; });
    const token = await engine.ctx.sampleToken(indexes[0], greedySampler(engine));
    return {token, text: engine.model.detokenize([token]), begun_ms: begun - started,
            first_token_ms: performance.now() - begun};
}

async function logits() {
    const windows = JSON.parse(fs.readFileSync(0, "utf8"));
    const piece = Number(rest[0] ?? batch);
    const engine = await open(Math.max(...windows.map((ids) => ids.length)));
    const sampler = greedySampler(engine);
    const rows = [];
    for (const ids of windows) {
        engine.ctx.disposeSequence(0);
        await compute(engine, ids, 0, piece, true, async (from, indexes) => {
            for (let i = 0; i < indexes.length && from + i + 1 < ids.length; i++) {
                const next = ids[from + i + 1];
                const [, , , pairs, weight] = await engine.ctx.sampleToken(
                    indexes[i], sampler, false, false, [[next], false, false, false, 2], true);
                const byId = new Map();
                for (let p = 0; p < pairs.length; p += 2)
                    byId.set(pairs[p], pairs[p + 1]);
                // The weight is the sum of exp(logit - the largest).
                const rowLogP = byId.get(next) - pairs[1] - Math.log(weight);
                rows.push([pairs[0], pairs[2], pairs[1], pairs[3], rowLogP]);
            }
        });
    }
    return rows;
}

async function embed() {
    const inputs = JSON.parse(fs.readFileSync(0, "utf8"));
    const llama = await getLlama({gpu: false, build: "never", maxThreads: threads,
                                  logLevel: LlamaLogLevel.error, progressLogs: false});
    const model = await llama.loadModel({modelPath, gpuLayers: 0});
    const contextSize = Math.min(model.trainContextSize, 2048);
    const context = await model.createEmbeddingContext({contextSize, batchSize: contextSize, threads});
    for (const input of inputs.slice(0, 8))
        await context.getEmbeddingFor(input);
    const cpu = process.cpuUsage();
    const from = performance.now();
    const vectors = [];
    for (const input of inputs)
        vectors.push((await context.getEmbeddingFor(input)).vector);
    const seconds = (performance.now() - from) / 1e3;
    const used = process.cpuUsage(cpu);
    return {vectors, seconds, cpu_seconds: (used.user + used.system) / 1e6};
}

const result = await {bench, first, logits, embed}[verb]();
process.stdout.write(JSON.stringify(result) + "\n", () => process.exit(0));
