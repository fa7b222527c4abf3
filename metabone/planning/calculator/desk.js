// Puts the planner's files into MicroPython, and gives a function from a request to its answer.
const start = (python, bundle) => {
  const made = new Set(['']);
  const folder = (path) => {
    if (made.has(path)) return;
    folder(path.slice(0, path.lastIndexOf('/')));
    python.FS.mkdir(path);
    made.add(path);
  };
  for (const [name, text] of Object.entries(bundle.files)) {
    const path = `/page/${name}`;
    folder(path.slice(0, path.lastIndexOf('/')));
    python.FS.writeFile(path, text);
  }
  python.FS.writeFile('/page/data.json', JSON.stringify(bundle.data));
  python.runPython(bundle.start);
  const begin = python.globals.get('begin');
  const step = python.globals.get('step');
  const failed = (request, error) => {
    const said = String(error.message || error).trim().split('\n').pop();
    return JSON.stringify({ id: JSON.parse(request).id, ok: false, error: said, field: null });
  };
  const desk = (request) => {
    try {
      begin(request);
      // MicroPython frees memory between calls alone, so that a long answer comes in steps.
      for (;;) {
        const answer = step();
        if (answer !== null && answer !== undefined) return answer;
      }
    } catch (error) {
      return failed(request, error);
    }
  };
  return Object.assign(desk, { begin, step, failed });
};
