// A server of its own for each walk: a fresh data folder, a port that the system chooses, ended with the walk.

import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const STARTING_MS = 120_000;

export class Server {
  // `settings` are lines of TOML.
  static async start(program, settings = "") {
    const server = new Server();
    server.program = program;
    server.folder = mkdtempSync(join(tmpdir(), "fenwen-browser-"));
    server.config = join(server.folder, "fenwen.toml");
    writeFileSync(server.config, `data_dir = "${server.folder}/data"\n${settings}`);
    server.child = spawn(program, ["--config", server.config, "--listen", "127.0.0.1:0", "serve"], { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    server.child.stderr.on("data", (it) => { said += it; });
    server.address = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the server did not start:\n${said}`)), STARTING_MS);
      server.child.on("exit", (code) => reject(new Error(`the server ended with ${code}:\n${said}`)));
      server.child.stdout.on("data", (it) => {
        const found = /http:\/\/127\.0\.0\.1:\d+/.exec(String(it));
        if (!found) return;
        clearTimeout(timer);
        resolve(found[0]);
      });
    });
    return server;
  }

  // Runs a command of an operator over the same data.
  run(...args) {
    return execFileSync(this.program, ["--config", this.config, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  }

  async stop() {
    this.child.removeAllListeners("exit");
    const ended = new Promise((resolve) => this.child.on("exit", resolve));
    this.child.kill("SIGTERM");
    await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
