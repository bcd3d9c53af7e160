// Markdown to a tree of plain objects.  What a model writes is hostile text: HTML stays
// text, a link keeps its address only when that is http or https, nesting is bounded, and the
// work grows with the length alone (no pattern goes back over what it has passed).
//
// Blocks:  {type: 'paragraph', inline}          {type: 'heading', level, inline}
//          {type: 'code', language, text}       {type: 'quote', blocks}
//          {type: 'list', start, items: [blocks]}   start is null for bullets
//          {type: 'table', align, head: [inline], rows: [[inline]]}      {type: 'rule'}
// Inline:  a list of texts and {type: 'strong' | 'em' | 'del', inline}, {type: 'code', text},
//          {type: 'link', url, inline}, {type: 'break'}
// A block at the top has `source`, its lines, by which it is known again when more has come.

const MAX_DEPTH = 8; // quotes and lists within each other; emphasis and links too
const MAX_COLUMNS = 32;
const MAX_TICKS = 32; // a run of each length is looked for once: two of them would have met

export function parse(text) {
  return new Blocks().top(text.replace(/\r\n?/g, '\n').split('\n'));
}

/** The address, written out in full, or null if it is not one that a reader may be sent to. */
export function safeUrl(text) {
  try {
    const url = new URL(text);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : null;
  } catch {
    return null;
  }
}

// ---- blocks ----

const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+|$)/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(?: {1,4}(?=\S)|[ \t]*$)/;

const blank = (line) => line.trim() === '';
const indent = (line) => line.length - line.trimStart().length;
const isBullet = (marker) => /[-*+]/.test(marker);

/** Columns of a table's line; a bar after a backslash is text. */
function cells(line) {
  const found = line
    .trim()
    .replace(/^\|/, '')
    .split(/(?<!\\)\|/)
    .slice(0, MAX_COLUMNS);
  if (found.length > 1 && blank(found.at(-1))) found.pop();
  return found.map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** The alignment of each column if this is the line below a table's head, else null. */
function columns(line) {
  if (line === undefined || !line.includes('-') || !line.includes('|')) return null;
  const found = cells(line);
  if (!found.every((cell) => /^:?-+:?$/.test(cell))) return null;
  return found.map((cell) => (cell.endsWith(':') ? (cell.startsWith(':') ? 'center' : 'end') : 'start'));
}

/** Reads a list of lines; `at` is the next one. */
class Blocks {
  level = 0; // of the last heading: none is more than one below it, as screen readers expect

  top(lines) {
    return this.read(lines, 0, (block, from, to) => {
      block.source = lines.slice(from, to).join('\n');
    });
  }

  read(lines, depth, note = () => {}) {
    const blocks = [];
    let at = 0;
    while (at < lines.length) {
      if (blank(lines[at])) {
        at++;
        continue;
      }
      const [block, next] = this.next(lines, at, depth);
      note(block, at, next);
      blocks.push(block);
      at = next;
    }
    return blocks;
  }

  /** One block and the line after it. */
  next(lines, at, depth) {
    const line = lines[at];
    if (FENCE.test(line)) return this.code(lines, at);
    if (HEADING.test(line)) return [this.heading(line), at + 1];
    if (RULE.test(line)) return [{ type: 'rule' }, at + 1];
    if (depth < MAX_DEPTH) {
      if (QUOTE.test(line)) return this.quote(lines, at, depth);
      if (ITEM.test(line)) return this.list(lines, at, depth);
    }
    if (line.includes('|') && columns(lines[at + 1])) return this.table(lines, at);
    return this.paragraph(lines, at, depth);
  }

  /** Does something other than more of a paragraph begin here? */
  begins(line, depth) {
    return (
      blank(line) ||
      FENCE.test(line) ||
      HEADING.test(line) ||
      RULE.test(line) ||
      (depth < MAX_DEPTH && (QUOTE.test(line) || ITEM.test(line)))
    );
  }

  /** To the closing fence, or to the end: it may not have come yet. */
  code(lines, at) {
    const [, fence, language] = FENCE.exec(lines[at]);
    let end = at + 1;
    const closes = (line) =>
      indent(line) < 4 && line.trim().startsWith(fence) && [...line.trim()].every((c) => c === fence[0]);
    while (end < lines.length && !closes(lines[end])) end++;
    return [{ type: 'code', language, text: lines.slice(at + 1, end).join('\n') }, Math.min(end + 1, lines.length)];
  }

  heading(line) {
    const [found, marks] = HEADING.exec(line);
    let text = line.slice(found.length).trimEnd();
    const open = text.length - (/#*$/.exec(text)?.[0].length ?? 0);
    if (open === 0 || /\s/.test(text[open - 1])) text = text.slice(0, open).trimEnd();
    this.level = Math.min(marks.length, this.level + 1);
    return { type: 'heading', level: this.level, inline: inline(text) };
  }

  quote(lines, at, depth) {
    const inside = [];
    while (at < lines.length && QUOTE.test(lines[at])) inside.push(lines[at++].replace(QUOTE, ''));
    return [{ type: 'quote', blocks: this.read(inside, depth + 1) }, at];
  }

  list(lines, at, depth) {
    const [, , first] = ITEM.exec(lines[at]);
    const items = [];
    while (at < lines.length) {
      const found = ITEM.exec(lines[at]);
      if (!found || isBullet(found[2]) !== isBullet(first) || RULE.test(lines[at])) break;
      const [inside, next] = this.item(lines, at, found[0].length, depth);
      items.push(this.read(inside, depth + 1));
      at = next;
    }
    return [{ type: 'list', start: isBullet(first) ? null : Number.parseInt(first, 10), items }, at];
  }

  /** The lines of one item without their indent, and the line after it. */
  item(lines, at, width, depth) {
    const inside = [lines[at].slice(width)];
    let end = at + 1;
    for (let gap = false; end < lines.length; end++) {
      const line = lines[end];
      const deep = indent(line) >= Math.min(width, 2);
      if (!blank(line) && !deep && (gap || this.begins(line, depth))) break;
      gap = blank(line);
      inside.push(line.slice(Math.min(indent(line), width)));
    }
    return [inside, end];
  }

  table(lines, at) {
    const align = columns(lines[at + 1]);
    const row = (line) => {
      const found = cells(line);
      return align.map((_, column) => inline(found[column] ?? ''));
    };
    const head = row(lines[at]);
    const rows = [];
    for (at += 2; at < lines.length && lines[at].includes('|'); at++) rows.push(row(lines[at]));
    return [{ type: 'table', align, head, rows }, at];
  }

  paragraph(lines, at, depth) {
    const from = at++;
    while (at < lines.length && !this.begins(lines[at], depth)) at++;
    return [
      {
        type: 'paragraph',
        inline: inline(
          lines
            .slice(from, at)
            .map((l) => l.trimStart())
            .join('\n')
            .trimEnd(),
        ),
      },
      at,
    ];
  }
}

// ---- inline ----

const TARGET = /\(<?([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:[ \t]+"[^"]*")?\)/y;
const ADDRESS = /https?:\/\/[^\s<>"'`()[\]{}*|\\]+/y;
const KINDS = { '*': 'em', _: 'em', '**': 'strong', __: 'strong', '~~': 'del' };

const isSpace = (c) => c === undefined || /\s/.test(c);
const isWord = (c) => c !== undefined && /[\p{L}\p{N}]/u.test(c);

export function inline(text) {
  return new Inline(text).read();
}

/** Goes over the text once.  What is open waits in `open`, a stack of bounded height; what
 * was never closed becomes text again. */
class Inline {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.open = [{ marker: '', inline: [] }];
  }

  get top() {
    return this.open.at(-1);
  }

  read() {
    while (this.at < this.text.length) this.step(this.text[this.at]);
    while (this.open.length > 1) this.giveUp();
    return this.top.inline;
  }

  put(node) {
    const list = this.top.inline;
    if (typeof node === 'string' && typeof list.at(-1) === 'string') list[list.length - 1] += node;
    else if (node !== '') list.push(node);
  }

  take(n) {
    this.put(this.text.slice(this.at, this.at + n));
    this.at += n;
  }

  step(c) {
    if (c === '\\') this.escape();
    else if (c === '`') this.code();
    else if (c === '*' || c === '_' || c === '~') this.emphasis(c);
    else if (c === '[' || (c === '!' && this.text[this.at + 1] === '[')) this.begin(c === '!' ? '![' : '[');
    else if (c === ']') this.link();
    else if (c === '\n') this.newline();
    else if (c === 'h' && !isWord(this.text[this.at - 1])) this.address();
    else this.take(1);
  }

  escape() {
    const next = this.text[this.at + 1];
    if (next !== undefined && /[!-/:-@[-`{-~]/.test(next)) this.at++;
    this.take(1);
  }

  newline() {
    this.at++;
    const list = this.top.inline;
    if (typeof list.at(-1) === 'string') list[list.length - 1] = list.at(-1).replace(/\\$/, '').trimEnd();
    this.put({ type: 'break' });
  }

  run(c, from = this.at) {
    let end = from;
    while (this.text[end] === c) end++;
    return end - from;
  }

  code() {
    const length = this.run('`');
    const end = length > MAX_TICKS ? -1 : this.closing(length);
    if (end < 0) {
      this.take(length);
      return;
    }
    const inside = this.text.slice(this.at + length, end).replaceAll('\n', ' ');
    const padded = inside.length > 2 && inside.startsWith(' ') && inside.endsWith(' ');
    this.put({ type: 'code', text: padded ? inside.slice(1, -1) : inside });
    this.at = end + length;
  }

  closing(length) {
    let at = this.at + length;
    while ((at = this.text.indexOf('`', at)) >= 0) {
      const found = this.run('`', at);
      if (found === length) return at;
      at += found;
    }
    return -1;
  }

  emphasis(c) {
    const length = this.run(c);
    const before = this.text[this.at - 1];
    const after = this.text[this.at + length];
    const within = c === '_' && isWord(before) && isWord(after); // snake_case
    const closes = !within && !isSpace(before);
    const opens = !within && !isSpace(after);
    for (let left = length; left > 0;) {
      const width = left === 1 || (closes && this.top.marker === c) ? 1 : 2;
      const marker = c.repeat(width);
      left -= width;
      if (marker in KINDS && closes && this.close(marker, (list) => ({ type: KINDS[marker], inline: list })))
        this.at += width;
      else if (marker in KINDS && opens) this.begin(marker);
      else this.take(width);
    }
  }

  begin(marker) {
    if (this.open.length > MAX_DEPTH) {
      this.take(marker.length);
      return;
    }
    this.open.push({ marker, inline: [] });
    this.at += marker.length;
  }

  /** End what `marker` opened; false if nothing did. */
  close(marker, make) {
    const index = this.open.findLastIndex((one) => one.marker === marker);
    if (index < 1 || (index === this.open.length - 1 && !this.top.inline.length)) return false;
    while (this.open.length > index + 1) this.giveUp();
    const { inline: list } = this.open.pop();
    this.put(make(list));
    return true;
  }

  /** The topmost open thing was none: its marker and what came after are text. */
  giveUp() {
    const { marker, inline: list } = this.open.pop();
    this.put(marker);
    for (const node of list) this.put(node);
  }

  /** "](address)".  An image becomes a link to it: nothing is loaded. */
  link() {
    const opening = this.open.findLast((one) => one.marker === '[' || one.marker === '![');
    TARGET.lastIndex = this.at + 1;
    const found = opening && TARGET.exec(this.text);
    const url = found && safeUrl(found[1]);
    if (url && this.close(opening.marker, (list) => ({ type: 'link', url, inline: list.length ? list : [url] })))
      this.at += 1 + found[0].length;
    else this.take(1);
  }

  /** An address that stands in the text. */
  address() {
    ADDRESS.lastIndex = this.at;
    let found = this.open.some((one) => one.marker.endsWith('[')) ? null : ADDRESS.exec(this.text)?.[0];
    if (found) found = found.replace(/[.,;:!?]{1,8}$/, '');
    const url = found && safeUrl(found);
    if (!url) {
      this.take(1);
      return;
    }
    this.put({ type: 'link', url, inline: [found] });
    this.at += found.length;
  }
}
