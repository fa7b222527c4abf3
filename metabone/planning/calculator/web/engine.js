"use strict";
// The planner in its worker: one request at a time, and a new worker where an old question is
// still being answered when a newer one waits.

const PATIENCE = 700;

class Engine {
  constructor() {
    this.queue = [];
    this.running = null;
    this.next = 1;
    this.boots = 0;
    this.ready = this.start();
  }

  start() {
    this.boots += 1;
    const boot = this.boots;
    this.address = this.address || URL.createObjectURL(new Blob([byId("worker").textContent], { type: "text/javascript" }));
    return new Promise((resolve, reject) => {
      try {
        this.worker = new Worker(this.address);
      } catch (error) {
        reject(error);
        return;
      }
      this.up = false;
      this.worker.onmessage = (event) => {
        if (boot !== this.boots) return;
        const message = typeof event.data === "string" ? JSON.parse(event.data) : event.data;
        if ("ready" in message) {
          if (!message.ready) {
            reject(new Error(message.error || "the planner did not start"));
            return;
          }
          this.up = true;
          resolve(true);
          this.pump();
        } else this.heard(message);
      };
      this.worker.onerror = (event) => {
        if (boot !== this.boots) return;
        const failed = new Error(event.message || "the planner stopped");
        if (!this.up) reject(failed);
        else this.heard({ id: this.running && this.running.request.id, ok: false, error: failed.message, field: null });
      };
      this.worker.postMessage({ what: "boot", wasm: byId("wasm").textContent.trim(), bundle: baked("bundle") });
    });
  }

  /** The answer to a request. `replaces` names a line of questions of which only the last counts. */
  ask(request, replaces) {
    return new Promise((resolve) => {
      const asked = { request: { ...request, id: this.next }, resolve, replaces, since: performance.now() };
      this.next += 1;
      if (replaces) {
        this.drop((one) => one.replaces === replaces);
        if (this.running && this.running.replaces === replaces) this.hurry(asked);
      }
      this.queue.push(asked);
      this.pump();
    });
  }

  drop(unwanted) {
    this.queue.filter(unwanted).forEach((one) => one.resolve(null));
    this.queue = this.queue.filter((one) => !unwanted(one));
  }

  /** Give up a question that is still being answered long after a newer one came. */
  hurry(newer) {
    const old = this.running;
    setTimeout(() => {
      if (this.running !== old || !this.queue.includes(newer)) return;
      this.worker.terminate();
      this.running = null;
      old.resolve(null);
      this.start().catch(failedToStart);
    }, PATIENCE);
  }

  pump() {
    if (!this.up || this.running || !this.queue.length) return;
    this.running = this.queue.shift();
    this.worker.postMessage(JSON.stringify(this.running.request));
  }

  heard(message) {
    const done = this.running;
    if (!done || message.id !== done.request.id) return;
    this.running = null;
    done.resolve(message);
    this.pump();
  }
}
