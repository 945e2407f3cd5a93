"use strict";

// The waveform of a recording. It is read and drawn in slices, so that the page stays awake however long the recording is.
// Loaded before the screen's own script.

fw.waveform = {};

{
  // Peaks that are kept of each channel: a canvas of any width is drawn from them.
  const PEAKS = 2400;

  // Samples that are read at one time. They are looked at in batches for so many milliseconds, then the page has its turn: how
  // long a batch takes depends on what else the machine does.
  const SAMPLES = 1 << 18;
  const BATCH = 1 << 12;
  const AWAKE_MS = 8;

  // Columns that are drawn at one time: some milliseconds.
  const COLUMNS = 200;

  // Most seconds of sound that the browser decodes at once: more would need more memory than a page should take.
  const MOST_DECODED = 3600;

  // How loud each byte of a sample of eight bits is: linear, A-law, µ-law.
  const table = (level) => Float32Array.from({ length: 256 }, (_, byte) => level(byte));
  const BYTES = {
    1: table((byte) => Math.abs(byte - 128) / 128),
    6: table((byte) => {
      const turned = byte ^ 0x55;
      const [segment, step] = [(turned & 0x70) >> 4, (turned & 0x0f) << 4];
      return (segment ? (step + 0x108) << (segment - 1) : step + 8) / 32768;
    }),
    7: table((byte) => {
      const turned = ~byte & 0xff;
      return (((((turned & 0x0f) << 3) + 0x84) << ((turned & 0x70) >> 4)) - 0x84) / 32768;
    }),
  };

  const EXTENSIBLE = 0xfffe;

  // A WAV file of telephones, read where it lies; null for everything else.
  async function wav(blob) {
    const head = new DataView(await blob.slice(0, 4096).arrayBuffer());
    const tag = (at) => (at + 4 <= head.byteLength ? String.fromCharCode(...new Uint8Array(head.buffer, at, 4)) : "");
    if (tag(0) !== "RIFF" || tag(8) !== "WAVE") return null;
    let format = null;
    for (let at = 12; at + 8 <= head.byteLength;) {
      const size = head.getUint32(at + 4, true);
      if (tag(at) === "fmt " && at + 24 <= head.byteLength) {
        const kind = head.getUint16(at + 8, true);
        format = {
          kind: kind === EXTENSIBLE && at + 34 <= head.byteLength ? head.getUint16(at + 32, true) : kind,
          channels: head.getUint16(at + 10, true), rate: head.getUint32(at + 12, true), bits: head.getUint16(at + 22, true),
        };
      } else if (tag(at) === "data" && format) {
        return samples(blob, at + 8, size, format);
      }
      at += 8 + size + (size % 2);
    }
    return null;
  }

  // What lies behind the head of a WAV file, if it is something that needs no decoder.
  function samples(blob, begin, size, { kind, channels, rate, bits }) {
    const isWide = kind === 1 && bits === 16;
    const levels = bits === 8 ? BYTES[kind] : null;
    if (!rate || !channels || !(isWide || levels)) return null;
    const width = channels * (bits / 8);
    // A head that was written before the sound may say anything.
    const length = Math.floor(Math.min(size, blob.size - begin) / width);
    const part = async (first, count) => {
      const bytes = await blob.slice(begin + first * width, begin + (first + count) * width).arrayBuffer();
      if (isWide) {
        const wide = new Int16Array(bytes);
        return (lane, at) => Math.abs(wide[at * channels + lane]) / 32768;
      }
      const narrow = new Uint8Array(bytes);
      return (lane, at) => levels[narrow[at * channels + lane]];
    };
    return { length, channels, seconds: length / rate, part };
  }

  // Every other file, decoded by the browser; null when it is too long for that.
  async function decoded(blob, seconds) {
    if (seconds > MOST_DECODED) return null;
    const sound = await new OfflineAudioContext(1, 1, 8000).decodeAudioData(await blob.arrayBuffer());
    const lanes = Array.from({ length: sound.numberOfChannels }, (_, at) => sound.getChannelData(at));
    const part = async (first) => (lane, at) => Math.abs(lanes[lane][first + at]);
    return { length: sound.length, channels: lanes.length, seconds: sound.duration, part };
  }

  // The loudest sample of each piece of each channel, the seconds of all, and in how many slices they were read; null when
  // the recording is too long. `seconds` is how long the player takes it to be.
  fw.waveform.read = async (blob, seconds) => {
    const source = (await wav(blob)) || (await decoded(blob, seconds));
    if (!source) return null;
    const { length, channels, part } = source;
    const lanes = Array.from({ length: Math.min(2, channels) }, () => new Float32Array(Math.min(PEAKS, length)));
    let slices = 0;
    for (let first = 0; first < length; first += SAMPLES) {
      const count = Math.min(SAMPLES, length - first);
      const level = await part(first, count);
      for (let from = 0; from < count;) {
        const pause = performance.now() + AWAKE_MS;
        do {
          const until = Math.min(count, from + BATCH);
          lanes.forEach((peaks, lane) => {
            const scale = peaks.length / length;
            for (let at = from; at < until; at += 1) {
              const place = Math.floor((first + at) * scale);
              const now = level(lane, at);
              if (now > peaks[place]) peaks[place] = now;
            }
          });
          from = until;
        } while (from < count && performance.now() < pause);
        await fw.wait(0);
      }
      slices += 1;
    }
    return { lanes, seconds: source.seconds, slices };
  };

  // Draws on a canvas as wide as the page shows it, again whenever that changes. `data-columns` says how many columns are as
  // they should be, `data-slices` in how many slices they were drawn.
  fw.waveform.show = (canvas, { lanes, seconds }) => {
    const pen = canvas.getContext("2d");
    // Columns that are to be drawn, the first that is not heard yet, and what is drawn with.
    let [low, high, head] = [0, 0, 0];
    let [colour, past] = ["", ""];
    let [slices, isAsked] = [0, false];

    const column = (at) => {
      const height = canvas.height / lanes.length;
      lanes.forEach((peaks, lane) => {
        const from = Math.floor((at * peaks.length) / canvas.width);
        const until = Math.max(from + 1, Math.floor(((at + 1) * peaks.length) / canvas.width));
        const peak = Math.max(...peaks.subarray(from, until));
        pen.fillRect(at, height * (lane + 0.5) - (peak * height) / 2, 1, Math.max(1, peak * height));
      });
    };

    const slice = () => {
      const until = Math.min(high, low + COLUMNS);
      pen.clearRect(low, 0, until - low, canvas.height);
      for (; low < until; low += 1) {
        pen.fillStyle = low < head ? past : colour;
        column(low);
      }
      slices += 1;
      isAsked = low < high;
      if (isAsked) requestAnimationFrame(slice);
      canvas.dataset.columns = String(isAsked ? low : canvas.width);
      canvas.dataset.slices = String(slices);
    };

    const soil = (from, until) => {
      [low, high] = isAsked ? [Math.min(low, from), Math.max(high, until)] : [from, until];
      if (!isAsked && low < high) requestAnimationFrame(slice);
      isAsked = low < high;
    };

    const whole = () => {
      const style = getComputedStyle(document.documentElement);
      [colour, past] = [style.getPropertyValue("--edge"), style.getPropertyValue("--act")];
      const heard = head / canvas.width;
      // This also clears it.
      canvas.width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
      head = Math.floor(heard * canvas.width);
      slices = 0;
      soil(0, canvas.width);
    };

    new ResizeObserver(whole).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", whole);
    // Only what was heard since is drawn anew.
    fw.waveform.follow = (now) => {
      const next = Math.min(canvas.width, Math.floor((now / seconds) * canvas.width));
      const [from, until] = [Math.min(head, next), Math.max(head, next)];
      head = next;
      soil(from, until);
    };
  };
}
