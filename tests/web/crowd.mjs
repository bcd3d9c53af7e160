// A server with much going on.
import { here, inMemory, job, model } from './fake.mjs';

/** Models in every state that they can be in. */
export function crowd(fake) {
  fake.models = [
    here('phi3-mini-4k', {
      name: 'Phi-3 mini 4k instruct',
      summary: '3.8 B parameters; answers and summarises well on a laptop or a phone with 8 GB',
      loaded: true,
    }),
    here('tinyllama-1.1b', {
      name: 'TinyLlama 1.1B chat',
      size_bytes: 669e6,
      license: 'Apache-2.0',
      verified: 'changed',
      summary: '1.1 B parameters; small and quick',
    }),
    model('phi3.5-mini', {
      name: 'Phi-3.5 mini instruct',
      supported: false,
      fit: { verdict: 'tight', memory_bytes: 18e9, available_bytes: 20e9, exact: false },
    }),
    model('llama3.2-1b', { name: 'Llama 3.2 1B instruct', size_bytes: 808e6, license: 'Llama-3.2' }),
    model('smollm2-1.7b', {
      name: 'SmolLM2 1.7B instruct',
      size_bytes: 1.06e9,
      partial_bytes: 4e8,
      fit: { verdict: 'not', memory_bytes: 4e9, available_bytes: 2e9, exact: false },
    }),
    model('orion-tiny', { name: 'Orion tiny', size_bytes: 12e6, quantization: null, fit: null }),
    here('acme/long/Some-Very-Long-Model-Name.gguf', {
      name: 'Some-Very-Long-Model-Name-Instruct-v0.3-32k-context-final.Q4_K_M',
      in_catalogue: false,
      supported: null,
      license: null,
      languages: null,
      verified: 'unknown',
      verified_unix: null,
      fit: null,
      link: 'gone',
      link_target: '/mnt/disk/m.gguf',
    }),
  ];
  fake.loaded = [inMemory('phi3-mini-4k', { name: 'Phi-3 mini 4k instruct', running: 1, waiting: 2 })];
  fake.jobs = [
    job(1, 'llama3.2-1b'),
    job(2, 'phi3.5-mini', { stage: 'paused' }),
    job(3, 'orion-tiny', {
      stage: 'failed',
      error: { status: 'network', message: 'could not reach huggingface.co: connection refused' },
    }),
    job(4, 'acme/qwen/Qwen2.5-7B-Q4_K_M.gguf', {
      file: 'Qwen2.5-7B-Q4_K_M.gguf',
      phase: 'resolve',
      percent: 0,
      done_bytes: 0,
      total_bytes: null,
      seconds_left: null,
    }),
    job(5, 'tinyllama-1.1b', { kind: 'verify', phase: 'verify', percent: 60 }),
  ];
  fake.storage = {
    models: { count: 2, bytes: 12.4e9 },
    partials: { count: 1, bytes: 2.1e9 },
    prefix_cache: { count: 3, bytes: 8e8 },
    free_bytes: 51e9,
    total_bytes: 107e9,
    quota_bytes: 40e9,
  };
}
