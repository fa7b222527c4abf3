// Answers requests as the calculator's page does: node calculator.mjs FOLDER BUNDLE REQUESTS
// FOLDER is metabone/planning/calculator, BUNDLE the JSON that its worker starts with, REQUESTS a file
// with one request a line. Prints one answer a line; times go to stderr.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, bundleFile, requestsFile] = process.argv.slice(2);
const module = pathToFileURL(path.resolve(folder, 'vendor', 'micropython.mjs')).href;
const { loadMicroPython } = await import(module);
const begun = performance.now();
const python = await loadMicroPython({ stdout: (line) => console.error(line) });
const text = fs.readFileSync(path.join(folder, 'desk.js'), 'utf8');
const start = new Function(`${text}; return start;`)();
const desk = start(python, JSON.parse(fs.readFileSync(bundleFile, 'utf8')));
console.error(`ready ${(performance.now() - begun).toFixed(0)} ms`);
for (const request of fs.readFileSync(requestsFile, 'utf8').trim().split('\n')) {
  const from = performance.now();
  console.log(desk(request));
  console.error(`${(performance.now() - from).toFixed(0)} ms ${request.slice(0, 120)}`);
}
