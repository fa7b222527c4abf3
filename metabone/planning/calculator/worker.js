// Runs the planner's Python in a worker. The first message is {what: "boot", wasm, bundle}: wasm
// is gzip in base64, bundle.packed too, JSON of {micropython, files, data, start}. The answer is
// {ready: true} or {ready: false, error}. Then comes one request a message, as JSON text, and one
// answer for each; that of a request which a newer one overtakes says that it was dropped.
let desk = null;
const unpacked = (text) => {
  const bytes = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
};
const boot = async (message) => {
  const [bytes, json] = await Promise.all([
    unpacked(message.wasm),
    unpacked(message.bundle.packed),
  ]);
  const bundle = JSON.parse(new TextDecoder().decode(json));
  // MicroPython fetches its own code by address; it is here already, and nothing leaves the page.
  self.fetch = async () => new Response(bytes, { headers: { 'Content-Type': 'application/wasm' } });
  const text = new Blob([bundle.micropython], { type: 'text/javascript' });
  const address = URL.createObjectURL(text);
  const { loadMicroPython } = await import(address);
  URL.revokeObjectURL(address);
  desk = start(await loadMicroPython({ url: 'micropython.wasm' }), bundle);
};
{{desk}}
// Lets waiting messages in: a timer would wait for longer.
const pause = () =>
  new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(null);
  });
// A newer request takes the place of the one that is being answered, at its next step.
let turn = 0;
const answered = async (request) => {
  const mine = (turn += 1);
  try {
    desk.begin(request);
    for (;;) {
      const answer = desk.step();
      if (answer !== null && answer !== undefined) return answer;
      await pause();
      if (mine !== turn) {
        return JSON.stringify({ id: JSON.parse(request).id, ok: false, dropped: true });
      }
    }
  } catch (error) {
    return desk.failed(request, error);
  }
};
self.onmessage = async ({ data }) => {
  if (data.what === 'boot') {
    try {
      await boot(data);
      self.postMessage({ ready: true });
    } catch (error) {
      self.postMessage({ ready: false, error: String(error) });
    }
    return;
  }
  self.postMessage(await answered(data));
};
