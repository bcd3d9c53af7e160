// What the server has and does, kept up to date by its events.  Views read the fields and
// listen to 'change'; 'finished' tells of a job that has just ended, and 'lost' that the
// token is no longer good.
import { ask, named } from './api.js';

const RETRY_MS = 2000;
const LIST_PAUSE_MS = 300; // between two readings of lists: events come in swarms

class Live extends EventTarget {
  server = null; // GET /orion/v1/server
  models = null; // null until they are known
  storage = null;
  memory = null;
  loaded = [];
  remotes = []; // { name, model, url }: names that stand for models elsewhere
  jobs = new Map(); // by id, in order
  loading = new Set(); // ids of models that are being loaded for this page
  reachable = true;
  #source = null;
  #timer = null;

  async start() {
    this.server = await ask('GET', '/orion/v1/server');
    this.#listen();
  }

  /** A page that nobody sees holds no connection: a browser has but six for a server. */
  seen(visible) {
    if (!visible) this.stop();
    else if (this.server) this.#listen();
  }

  stop() {
    this.#source?.close();
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }

  #listen() {
    const source = new EventSource('/orion/v1/events');
    this.#source = source;
    const on = (name, handle) =>
      source.addEventListener(name, (event) => {
        handle(JSON.parse(event.data));
        this.#changed();
      });
    on('snapshot', ({ jobs, loaded }) => {
      this.reachable = true;
      this.jobs = new Map(jobs.map((job) => [job.id, job]));
      this.loaded = loaded;
      this.refresh();
    });
    on('job', (job) => this.#take(job));
    on('job_removed', ({ id }) => {
      this.jobs.delete(id);
      this.refresh();
    });
    on('models', () => this.refresh());
    on('loaded', ({ loaded }) => {
      this.loaded = loaded;
      this.refresh();
    });
    source.addEventListener('error', () => this.#failed(source));
  }

  #take(job) {
    const before = this.jobs.get(job.id);
    this.jobs.set(job.id, job);
    const over = ['done', 'failed', 'cancelled'].includes(job.stage);
    if (over && before && before.stage !== job.stage) this.dispatchEvent(new CustomEvent('finished', { detail: job }));
    if (!before || over) this.refresh();
  }

  /** The browser tries again by itself after a break, but not after a refusal. */
  async #failed(source) {
    this.reachable = false;
    this.#changed();
    if (source.readyState !== EventSource.CLOSED || source !== this.#source) return;
    const login = await ask('GET', '/orion/v1/login').catch(() => null);
    if (login?.needed && !login.done) this.dispatchEvent(new Event('lost'));
    else setTimeout(() => source === this.#source && this.#listen(), RETRY_MS);
  }

  /** Read the lists again, soon. */
  refresh() {
    this.#timer ??= setTimeout(
      async () => {
        this.#timer = null;
        await this.#read().catch(() => {}); // what can't be asked now is asked after the next event
      },
      this.models ? LIST_PAUSE_MS : 0,
    );
  }

  async #read() {
    const [{ models, remotes }, storage, { loaded, memory }] = await Promise.all(
      ['/orion/v1/models', '/orion/v1/storage', '/orion/v1/loaded'].map((path) => ask('GET', path)),
    );
    Object.assign(this, { models, storage, loaded, memory, remotes });
    this.#changed();
  }

  /** The job that concerns a model, the one that is still going on first. */
  jobOf(model) {
    const all = [...this.jobs.values()].filter((job) => isFor(job, model));
    return all.findLast(unfinished) ?? all.at(-1) ?? null;
  }

  /** Does what is asked of this name leave the machine? */
  leaves(name) {
    return this.remotes.some((remote) => remote.name === name);
  }

  loadedOf(model) {
    return this.loaded.find((one) => one.id === model.id) ?? null;
  }

  async load(id) {
    this.loading.add(id);
    this.#changed();
    try {
      await ask('POST', '/orion/v1/loaded', { model: id });
    } finally {
      this.loading.delete(id);
      this.refresh();
      this.#changed();
    }
  }

  async unload(id) {
    await ask('DELETE', named('/orion/v1/loaded', id));
    this.refresh();
  }
}

export const unfinished = (job) => ['queued', 'running', 'paused'].includes(job.stage);

export const isFor = (job, model) => (job.model_id ?? job.model) === model.id;

/** Can this version answer with it, as far as is known without opening it? */
export const canChat = (model) =>
  model.downloaded && model.role === 'model' && model.n_files === 1 && model.supported !== false;

export const live = new Live();
