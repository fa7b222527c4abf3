"use strict";
// The planner in a worker: one request at a time. A newer question of the page takes the place of an
// older one: the worker leaves that at its next step, and is started anew where no step comes.

const PATIENCE = 2500;

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
      if (replaces) this.drop((one) => one.replaces === replaces);
      this.queue.push(asked);
      if (replaces && this.running && this.running.replaces === replaces) this.supersede();
      this.pump();
    });
  }

  drop(unwanted) {
    this.queue.filter(unwanted).forEach((one) => one.resolve(null));
    this.queue = this.queue.filter((one) => !unwanted(one));
  }

  /** Leave the running question for the next one. */
  supersede() {
    this.running.resolve(null);
    this.running = null;
    this.pump();
    const sent = this.running;
    setTimeout(() => {
      if (!sent || this.running !== sent || sent.reached) return;
      this.worker.terminate();
      this.running = null;
      this.queue.unshift(sent);
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
    if (!done) return;
    if (message.id !== done.request.id) {
      // The end of an older question: the worker is at this one now.
      done.reached = true;
      return;
    }
    this.running = null;
    done.resolve(message);
    this.pump();
  }
}
