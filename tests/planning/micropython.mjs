// Runs a Python file under MicroPython's WebAssembly build: node micropython.mjs MJS ROOT FILE
// MJS is the micropython.mjs that is vendored for the calculator, ROOT the
// folder that holds metabone/; only the planner's kernel is put into MicroPython's own file system.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [mjs, root, file] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(path.resolve(mjs)).href);
const mp = await loadMicroPython({ stdout: (line) => console.log(line), heapsize: 16777216 });
const kernel = 'metabone/planning/kernel';
for (const folder of ['metabone', 'metabone/planning', kernel]) {
  mp.FS.mkdir('/' + folder);
}
mp.FS.writeFile('/metabone/__init__.py', '');
mp.FS.writeFile('/metabone/planning/__init__.py', '');
for (const name of fs.readdirSync(path.join(root, kernel))) {
  if (name.endsWith('.py')) {
    mp.FS.writeFile(`/${kernel}/${name}`, fs.readFileSync(path.join(root, kernel, name)));
  }
}
mp.runPython("import sys\nsys.path.insert(0, '/')");
mp.runPython(fs.readFileSync(file, 'utf8'));
