// What vLLM V1's scheduler does with a queue, step by step. No page is needed: tests run it against recorded runs.

/** One block is the pool's own and is given to nobody, as in vLLM. */
export const OWN_BLOCKS = 1;

const blocksFor = (tokens, size) => Math.ceil(tokens / size);

/**
 * Why settings cannot be played, in words, or "".
 *
 * settings: {blocks, blockSize, maxSeqs, budget, requests: [{prompt, output, arrives?}]}, all whole numbers above 0;
 * prompt and output are tokens, arrives is the step before which the request is there (0 if it is left out).
 */
export function problem({ blocks, blockSize, maxSeqs, budget, requests }) {
  if (![blocks, blockSize, maxSeqs, budget].every((n) => Number.isInteger(n) && n > 0)) return "Every setting is a whole number above 0.";
  if (!requests.length) return "There is no request.";
  if (!requests.every((r) => r.prompt > 0 && r.output > 0)) return "A request has a prompt and an answer of 1 token or more.";
  const most = Math.max(...requests.map((r) => blocksFor(r.prompt + r.output, blockSize)));
  const has = blocks - OWN_BLOCKS;
  if (most > has) return `The longest request needs ${most} blocks and there are ${has} to give. vLLM does not start with a pool smaller than one request of --max-model-len.`;
  if (budget < maxSeqs) return "A step has fewer tokens than --max-num-seqs: vLLM does not start.";
  return "";
}

/**
 * Plays a queue until it is empty.
 *
 * Returns {frames, requests}. A frame is one step, as it is after it was scheduled: running and waiting (in order; each
 * running one has {id, blocks, written, recomputing}), used (blocks), preempted (ids, in this step), preemptions (so
 * far), tokens (in this step), written (tokens of answers before this step), ended (ids, by this step). Of a request:
 * {firstStep, endStep, preempted}, steps counted from 1.
 */
export function play(settings) {
  const { blocks, blockSize, maxSeqs, budget } = settings;
  const requests = settings.requests.map((r, id) => ({
    id,
    prompt: r.prompt,
    output: r.output,
    arrives: r.arrives ?? 0,
    written: 0, // tokens of its answer
    computed: 0, // tokens that are in the cache
    blocks: [], // never changed in place: frames keep it
    preempted: 0,
    firstStep: 0,
    endStep: 0,
  }));
  const coming = [...requests].sort((one, other) => one.arrives - other.arrives);
  const free = Array.from({ length: blocks - OWN_BLOCKS }, (_, i) => i);
  let waiting = [];
  let running = [];
  let preemptions = 0;
  let written = 0;
  const frames = [];

  const needed = (request, tokens) => Math.max(0, blocksFor(tokens, blockSize) - request.blocks.length);
  const take = (request, tokens) => {
    const count = needed(request, tokens);
    if (count) request.blocks = [...request.blocks, ...free.splice(0, count)];
  };
  const release = (request) => {
    free.push(...[...request.blocks].reverse());
    request.blocks = [];
    request.computed = 0;
  };

  while (coming.length || waiting.length || running.length) {
    while (coming.length && coming[0].arrives <= frames.length) waiting.push(coming.shift());
    let left = budget;
    const takes = new Map(); // tokens in this step, by request
    const preempted = [];

    // Those that run come first, in the order of their admission.
    for (let i = 0; i < running.length && left > 0; i += 1) {
      const request = running[i];
      const tokens = Math.min(request.prompt + request.written - request.computed, left);
      while (needed(request, request.computed + tokens) > free.length && running.includes(request)) {
        const last = running.pop();
        release(last);
        last.preempted += 1;
        preemptions += 1;
        preempted.push(last.id);
        waiting.unshift(last);
      }
      if (!running.includes(request)) break;
      take(request, request.computed + tokens);
      takes.set(request, tokens);
      left -= tokens;
    }

    // Nobody passes one that has to wait. (Where somebody was thrown out nobody is admitted: the one that was is first,
    // and needs what it had, of which another has a part now. vLLM does not even look then.)
    while (waiting.length && left > 0 && running.length < maxSeqs) {
      const request = waiting[0];
      const whole = request.prompt + request.written;
      if (needed(request, whole) > free.length) break; // its prompt must fit as a whole, however little is read now
      const tokens = Math.min(whole, left);
      take(request, tokens);
      takes.set(request, tokens);
      left -= tokens;
      running.push(waiting.shift());
    }

    const frame = {
      running: running.map((r) => ({
        id: r.id,
        blocks: r.blocks,
        written: r.written,
        recomputing: r.preempted > 0 && r.prompt + r.written - r.computed > 1,
      })),
      waiting: waiting.map((r) => r.id),
      used: blocks - OWN_BLOCKS - free.length,
      preempted,
      preemptions,
      tokens: budget - left,
      written,
      ended: [],
    };
    frames.push(frame);

    // What the step computed. Whoever has all tokens in the cache has one more now.
    for (const [request, tokens] of takes) {
      request.computed += tokens;
      if (request.computed < request.prompt + request.written) continue;
      request.written += 1;
      written += 1;
      if (!request.firstStep) request.firstStep = frames.length;
      if (request.written < request.output) continue;
      request.endStep = frames.length;
      frame.ended.push(request.id);
      release(request);
      running = running.filter((r) => r !== request);
    }
  }
  return { frames, requests: requests.map(({ firstStep, endStep, preempted }) => ({ firstStep, endStep, preempted })) };
}

/** What came of it: {steps, preemptions, running, waiting, waited, first, last, used, tokens, again}. */
export function outcome({ frames, requests }, settings) {
  const most = (of) => Math.max(...frames.map(of));
  const first = requests.map((r, id) => r.firstStep - (settings.requests[id].arrives ?? 0)).sort((a, b) => a - b);
  const tokens = frames.reduce((sum, f) => sum + f.tokens, 0);
  const once = settings.requests.reduce((sum, r) => sum + r.prompt + r.output - 1, 0);
  return {
    steps: frames.length,
    preemptions: frames[frames.length - 1].preemptions,
    running: most((f) => f.running.length), // at once
    waiting: most((f) => f.waiting.length), // at once
    waited: frames.reduce((sum, f) => sum + f.waiting.length, 0), // requests, times steps
    median: first[Math.floor((first.length - 1) / 2)], // steps to the first token
    p95: first[Math.ceil(first.length * 0.95) - 1],
    used: most((f) => f.used), // blocks
    again: tokens - once, // tokens that were computed more than once
  };
}

/** `count` whole numbers from low to high in a mixed order that is always the same. */
export function spread(count, low, high, turn = 0) {
  const wide = high - low + 1;
  return Array.from({ length: count }, (_, i) => low + (Math.floor(((i + turn) * 0.6180339887 * wide) % wide)));
}
