"use strict";

// Beside the sound thread of the browser: the samples of a microphone, as frames of 16 bits at 16 kHz.

const RATE = 16000;
const FRAME = 4000;

class Tap extends AudioWorkletProcessor {
  constructor() {
    super();
    this.frame = new Int16Array(FRAME);
    this.length = 0;
    // Samples since the last one that was given, and how far the next one is.
    [this.sum, this.count, this.phase] = [0, 0, 0];
    this.isOver = false;
    this.port.onmessage = () => {
      // What is left of a frame is filled up with silence.
      if (this.length) this.give();
      this.port.postMessage(null);
      this.isOver = true;
    };
  }

  give() {
    this.frame.fill(0, this.length);
    this.port.postMessage(this.frame.buffer, [this.frame.buffer]);
    [this.frame, this.length] = [new Int16Array(FRAME), 0];
  }

  process([input]) {
    for (const sample of input[0] || []) {
      this.sum += sample;
      this.count += 1;
      this.phase += RATE;
      if (this.phase < sampleRate) continue;
      // The mean of the samples between: what is too high for 16 kHz is mostly gone then.
      this.phase -= sampleRate;
      this.frame[this.length] = 32767 * Math.max(-1, Math.min(1, this.sum / this.count));
      this.length += 1;
      [this.sum, this.count] = [0, 0];
      if (this.length === FRAME) this.give();
    }
    return !this.isOver;
  }
}

registerProcessor("tap", Tap);
