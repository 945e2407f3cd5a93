"use strict";

// A live stream of the API: frames of sound go out, what was heard comes back; taken up again when its connection breaks.
// Loaded before the screen's own script.

fw.live = {};

{
  const RATE = 16000;
  // Samples of a frame: a quarter of a second.
  const FRAME = 4000;
  const FRAMES_A_SECOND = RATE / FRAME;

  // Frames that are kept in case the connection breaks, and that may wait to be sent.
  const MOST_KEPT = 60 * FRAMES_A_SECOND;
  const MOST_WAITING = 30 * FRAMES_A_SECOND;

  // Bytes that the browser may hold back; and the pause until it is asked again.
  const MOST_BUFFERED = 16 * FRAME;
  const PAUSE_MS = 50;

  // How often a broken connection is taken up, and how long after the first break.
  const TRIES = 5;
  const RETRY_MS = 1000;

  // Longest sound file, in seconds: it is decoded as a whole.
  const MOST_SECONDS = 30 * 60;

  // Opens a stream. `told` has a function for each type of message, and `again`, `lost`, `behind`.
  fw.live.open = (path, opening, told) => {
    const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
    // Frames that are kept, the number of the first of them, and that of the next one to send.
    let [kept, first, next] = [[], 0, 0];
    let [token, last, tries] = [null, null, 0];
    let [socket, isReady, isOver] = [null, false, false];
    // No sound follows; that the server was told so; and that the browser is to be asked again.
    let [isEnding, isTold, isWaiting] = [false, false, false];

    const finish = () => {
      [isOver, isReady] = [true, false];
      socket.close();
    };

    // Sends what waits, as far as the browser takes it.
    const flush = () => {
      if (!isReady || isWaiting) return;
      while (next < first + kept.length) {
        if (socket.bufferedAmount > MOST_BUFFERED) {
          isWaiting = true;
          setTimeout(() => {
            isWaiting = false;
            flush();
          }, PAUSE_MS);
          return;
        }
        socket.send(kept[next - first]);
        next += 1;
      }
      const spare = Math.min(kept.length - MOST_KEPT, next - first);
      if (spare > 0) {
        kept.splice(0, spare);
        first += spare;
      }
      if (!isEnding || isTold) return;
      socket.send(JSON.stringify({ type: "end" }));
      isTold = true;
    };

    const take = (message) => {
      if (message.type === "ready") {
        [token, tries, isReady, isTold] = [message.token, 0, true, false];
        // Whole frames arrived, and the server has them.
        next = Math.max(first, Math.round(message.received * FRAMES_A_SECOND));
        flush();
      }
      if (message.type === "final") last = message.id;
      if (message.type === "done") isOver = true;
      // The server may not have noticed yet that the first connection is gone: then it is asked again.
      if (message.type === "error" && !(tries && message.code === "ER0100")) isOver = true;
      else if (message.type === "error") return;
      if (told[message.type]) told[message.type](message);
    };

    const connect = () => {
      socket = new WebSocket(address);
      socket.addEventListener("open", () => {
        const message = token ? { type: "resume", token, after: last } : { type: "start", rate: RATE, ...opening };
        socket.send(JSON.stringify(message));
      });
      socket.addEventListener("message", (event) => take(JSON.parse(event.data)));
      socket.addEventListener("close", async () => {
        isReady = false;
        if (isOver) return;
        if (!token || tries === TRIES) {
          isOver = true;
          told.lost();
          return;
        }
        tries += 1;
        told.again(tries);
        await fw.wait(RETRY_MS * tries);
        if (!isOver) connect();
      });
    };
    connect();

    return {
      // A frame of samples; false when nobody takes it any more.
      push: (frame) => {
        if (isOver || isEnding) return false;
        if (first + kept.length - next >= MOST_WAITING) {
          finish();
          told.behind();
          return false;
        }
        kept.push(frame);
        flush();
        return true;
      },
      // Whether another frame is better sent later.
      isFull: () => !isOver && first + kept.length - next >= FRAMES_A_SECOND,
      // No sound follows.
      end: () => {
        if (isEnding || isOver) return;
        isEnding = true;
        flush();
      },
      isOver: () => isOver,
    };
  };

  // The sound of a file; what is thrown says why not.
  fw.live.decode = async (blob) => {
    const refuse = (word) => Object.assign(new Error("file"), { problem: { title: fw.say(word) } });
    let sound = null;
    try {
      sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await blob.arrayBuffer());
    } catch {
      throw refuse("bad_file");
    }
    if (sound.duration > MOST_SECONDS) throw refuse("too_long");
    return sound;
  };

  // Gives a sound to `stream`, `speed` times as fast as it was spoken; resolves at its end. `stopped` says that it is enough.
  fw.live.play = async (sound, speed, stream, stopped) => {
    const lanes = Array.from({ length: sound.numberOfChannels }, (_, at) => sound.getChannelData(at));
    const begun = performance.now();
    for (let from = 0; from < sound.length; from += FRAME) {
      const late = begun + (1000 * from) / RATE / speed - performance.now();
      if (late > 0) await fw.wait(late);
      while (stream.isFull()) await fw.wait(PAUSE_MS);
      if (stopped()) return;
      const frame = new Int16Array(FRAME);
      for (let at = 0; at < FRAME && from + at < sound.length; at += 1) {
        const mean = lanes.reduce((sum, lane) => sum + lane[from + at], 0) / lanes.length;
        frame[at] = 32767 * Math.max(-1, Math.min(1, mean));
      }
      if (!stream.push(frame)) return;
    }
  };

  // A microphone, in a context of 16 kHz; browsers that do not change its rate give it in their own, and the tap changes it.
  const hearing = (sound) => {
    for (const options of [{ sampleRate: RATE }, {}]) {
      const context = new AudioContext(options);
      try {
        return { context, microphone: context.createMediaStreamSource(sound) };
      } catch {
        context.close();
      }
    }
    throw new Error("microphone");
  };

  // Gives a microphone to `push`, frame by frame; resolves with what ends it.
  fw.live.listen = async (tap, push) => {
    const sound = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
    try {
      return await tapped(sound, tap, push);
    } catch (error) {
      sound.getTracks().forEach((it) => it.stop());
      throw error;
    }
  };

  const tapped = async (sound, tap, push) => {
    const { context, microphone } = hearing(sound);
    await context.audioWorklet.addModule(tap);
    const node = new AudioWorkletNode(context, "tap", { channelCount: 1, channelCountMode: "explicit" });
    const ended = new Promise((resolve) => {
      node.port.onmessage = ({ data }) => {
        if (data === null) resolve();
        else push(new Int16Array(data));
      };
    });
    // It plays nothing; without an end nobody would ask it for sound.
    microphone.connect(node).connect(context.destination);
    return async () => {
      node.port.postMessage("end");
      await Promise.race([ended, fw.wait(1000)]);
      sound.getTracks().forEach((it) => it.stop());
      await context.close();
    };
  };
}
