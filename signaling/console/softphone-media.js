/* The sound of one contact: microphone, peer connection, the caller's voice, levels, and repair when the network changes. */

const GATHERING_TIMEOUT = 500;
const DISCONNECTED_PATIENCE = 3_000;
const LONGEST_PAUSE = 8_000;
const MICROPHONE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** How loud a stream is now. */
class Meter {
  #analyser;
  #source;
  #samples;

  constructor(context, stream) {
    this.#source = context.createMediaStreamSource(stream);
    this.#analyser = context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#source.connect(this.#analyser);
  }

  /** 0 for silence, 1 for full scale; linear in decibels from -60 dBFS up. */
  get level() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, sample) => sum + sample * sample, 0) / this.#samples.length;
    return power > 0 ? Math.min(1, Math.max(0, 1 + (10 * Math.log10(power)) / 60)) : 0;
  }

  close() {
    this.#source.disconnect();
  }
}

/**
 * `exchange(method, sdp)` brings an offer to the server and resolves with its answer.
 * Events: `connection` (detail: RTCPeerConnectionState), `error` (detail: what a repair failed of).
 */
export class Media extends EventTarget {
  #exchange;
  #context;
  #constraints;
  #stream = null;
  #peer = null;
  #speaker = new Audio();
  #meters = {};
  #muted = false;
  #repairs = 0;
  #busy = false;
  #timer = 0;
  #closed = false;

  constructor(exchange, context, constraints = {}) {
    super();
    this.#exchange = exchange;
    this.#context = context;
    this.#constraints = { ...MICROPHONE, ...constraints };
    this.#speaker.autoplay = true;
  }

  /** Opens the microphone and connects. `method` is "contact.accept", or "media.renew" for a call that goes on already. */
  async start(method) {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: this.#constraints });
    if (this.#closed) return stream.getTracks().forEach((track) => track.stop());
    this.#stream = stream;
    this.mute(this.#muted);
    this.#meters.local = new Meter(this.#context, stream);
    await this.#connect(method);
  }

  /** Stops or opens the microphone's sound; silence is sent meanwhile. */
  mute(on) {
    this.#muted = on;
    for (const track of this.#stream?.getAudioTracks() ?? []) track.enabled = !on;
  }

  /** `side` is "local" or "remote"; 0 to 1. */
  level(side) {
    return this.#meters[side]?.level ?? 0;
  }

  get connection() {
    return this.#peer?.connectionState ?? "new";
  }

  /** The RTCStatsReport of the peer connection, for those who want to show quality. */
  stats() {
    return this.#peer?.getStats();
  }

  /** Finds a new way for the media: first by an ICE restart, then with a new peer connection. */
  async renew() {
    clearTimeout(this.#timer);
    if (this.#closed || this.#busy || !this.#stream) return;
    this.#busy = true;
    this.#repairs += 1;
    try {
      if (this.#repairs === 1 && this.#peer) await this.#negotiate(this.#peer, "media.renew", { iceRestart: true });
      else await this.#connect("media.renew");
    } catch (error) {
      // Without the line it cannot work: it is tried again, and the line has its own way of saying that it is cut.
      if (error.code !== "cut") this.dispatchEvent(new CustomEvent("error", { detail: error }));
    } finally {
      this.#busy = false;
    }
    this.#renewLater(Math.min(1_000 * 2 ** this.#repairs, LONGEST_PAUSE)); // unless that one has connected
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#peer?.close();
    this.#stream?.getTracks().forEach((track) => track.stop());
    Object.values(this.#meters).forEach((meter) => meter.close());
    this.#speaker.srcObject = null;
  }

  async #connect(method) {
    this.#peer?.close();
    const peer = new RTCPeerConnection({ iceServers: [] });
    this.#peer = peer;
    peer.onconnectionstatechange = () => peer === this.#peer && this.#changed(peer.connectionState);
    peer.ontrack = (event) => this.#hear(event.streams[0] ?? new MediaStream([event.track]));
    const transceiver = peer.addTransceiver(this.#stream.getAudioTracks()[0], { streams: [this.#stream] });
    preferOpus(transceiver);
    await this.#negotiate(peer, method);
  }

  async #negotiate(peer, method, options = {}) {
    await peer.setLocalDescription(await peer.createOffer(options));
    await gathered(peer);
    const { sdp } = await this.#exchange(method, peer.localDescription.sdp);
    if (peer.signalingState !== "closed") await peer.setRemoteDescription({ type: "answer", sdp });
  }

  #hear(stream) {
    this.#speaker.srcObject = stream;
    this.#meters.remote?.close();
    this.#meters.remote = new Meter(this.#context, stream);
  }

  #changed(state) {
    clearTimeout(this.#timer);
    if (state === "connected") this.#repairs = 0;
    if (state === "disconnected") this.#renewLater(DISCONNECTED_PATIENCE);
    if (state === "failed") this.#renewLater(0);
    this.dispatchEvent(new CustomEvent("connection", { detail: state }));
  }

  #renewLater(pause) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.connection === "connected") this.#repairs = 0;
      else this.renew();
    }, pause);
  }
}

function preferOpus(transceiver) {
  const codecs = RTCRtpReceiver.getCapabilities?.("audio")?.codecs ?? [];
  const rank = ({ mimeType }) => (mimeType.toLowerCase() === "audio/opus" ? 0 : 1);
  if (codecs.length) transceiver.setCodecPreferences?.([...codecs].sort((a, b) => rank(a) - rank(b)));
}

/** Resolves when all candidates are known, or soon: the server learns the address from the checks anyway. */
function gathered(peer) {
  if (peer.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GATHERING_TIMEOUT);
    peer.addEventListener("icegatheringstatechange", () => {
      if (peer.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      resolve();
    });
  });
}
