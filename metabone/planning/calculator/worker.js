// Runs the planner's Python in a worker. The first message is {what: "boot", wasm, bundle}: wasm in
// base64; bundle {micropython, files, data, start}. The answer is {ready: true} or
// {ready: false, error}. Then comes one request a message, as JSON text, and one answer for each.
let desk = null;
const boot = async ({ wasm, bundle }) => {
  const bytes = Uint8Array.from(atob(wasm), (letter) => letter.charCodeAt(0));
  // MicroPython fetches its own code by address; it is here already, and nothing leaves the page.
  self.fetch = async () => new Response(bytes, { headers: { 'Content-Type': 'application/wasm' } });
  const text = new Blob([bundle.micropython], { type: 'text/javascript' });
  const address = URL.createObjectURL(text);
  const { loadMicroPython } = await import(address);
  URL.revokeObjectURL(address);
  desk = start(await loadMicroPython({ url: 'micropython.wasm' }), bundle);
};
{{desk}}
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
  self.postMessage(desk(data));
};
