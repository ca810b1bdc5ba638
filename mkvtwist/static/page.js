// What surrounds the players: words, figures, buttons. There is one player on a stream's page and
// where it is embedded; on a wall of streams, as many as a browser has connections for.
"use strict";

const TILES = 4; // players at once: browsers open six connections to a host, two are for the rest
const LOOK = 3000; // milliseconds between two looks at the status
const TICK = 250; // milliseconds between two looks at the players

/** The element of a role. A role that this page has not is played where nobody looks. */
const part = (root, role) => root.querySelector(`[data-part=${role}]`) ?? document.createElement("i");

/** Say it, if it is news: screen readers read what changes. */
function tell(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A button's state, for the eye and for the ear. */
function mark(button, on, label) {
  button.dataset.on = on;
  if (button.ariaLabel !== label) button.ariaLabel = button.title = label;
}

/** Things to choose from, if there are several. */
function offer(select, values, names, chosen) {
  select.hidden = values.length < 2;
  const items = JSON.stringify([values, names]);
  if (select.dataset.items !== items) {
    select.dataset.items = items;
    select.replaceChildren(...values.map((value, n) => new Option(names[n], value)));
  }
  const at = Math.max(0, values.indexOf(chosen));
  if (select.selectedIndex !== at) select.selectedIndex = at;
}

const words = (track) => [
  track.codec,
  track.width && `${track.width}×${track.height}`,
  track.frame_rate && `${Number(track.frame_rate.toFixed(2))} fps`,
  track.sample_rate && `${track.sample_rate} Hz`,
  track.channels && `${track.channels} channels`,
  track.language,
  track.title,
].filter(Boolean).join(", ");

/** One stream on the page. */
class View {
  visible = false; // on the screen, as far as one scrolls
  stopped = false; // by hand

  constructor(root) {
    this.root = root;
    this.name = root.dataset.stream;
    this.isTile = root.matches("a");
    this.screen = part(root, "screen");
    this.video = root.querySelector("video");
    this.player = new Player(this.name, this.video, root.querySelector("canvas"));
    this.#listen();
    for (const image of root.querySelectorAll("img")) {
      const absent = () => { image.hidden = true; };
      if (image.complete && !image.naturalWidth) absent();
      image.addEventListener("error", absent);
    }
  }

  /** Whether there is any use in playing. A tile does not wait for a stream, nor wake one up. */
  get attended() {
    if (this.isTile && this.player.status?.state !== "live") return false;
    const elsewhere = !this.video.muted || document.pictureInPictureElement === this.video;
    return !this.stopped && ((this.visible && !document.hidden) || elsewhere);
  }

  #listen() {
    const { root, screen, video, player } = this;
    const on = (role, event, act) => part(root, role).addEventListener(event, act);
    on("pause", "click", () => {
      if (player.refused) player.play();
      else this.stopped = !this.stopped;
    });
    on("mute", "click", () => {
      video.muted = !video.muted;
      video.volume ||= 0.5;
    });
    on("volume", "input", (event) => {
      video.volume = event.target.value / 100;
      video.muted = video.volume === 0;
    });
    on("sound", "change", ({ target }) => player.listen(target.value));
    on("text", "change", ({ target }) => player.read(target.value));
    on("float", "click", () => {
      if (document.pictureInPictureElement) document.exitPictureInPicture();
      else video.requestPictureInPicture().catch(() => {}); // there is no picture yet
    });
    on("full", "click", () => {
      if (document.fullscreenElement) document.exitFullscreen();
      else if (screen.requestFullscreen) screen.requestFullscreen();
      else video.webkitEnterFullscreen(); // an iPhone has it for the video alone
    });
    root.addEventListener("click", () => update());
    // Keys for media, and the buttons of a picture in picture.
    video.addEventListener("play", () => { this.stopped = false; });
    video.addEventListener("pause", () => {
      const byHand = !video.ended && !video.error && !document.hidden;
      if (player.wanted && byHand) this.stopped = true;
    });
  }

  /** Have the figures, while somebody sees them. What is wrong the player notices, and says. */
  look() {
    if (this.visible && !document.hidden) this.player.look(AbortSignal.timeout(LOOK)).catch(() => {});
  }

  /** What there is to say of a stream that is not played for want of attention or connections. */
  get #idle() {
    const { status } = this.player;
    if (!status) return ["Connecting", ""];
    return status.state === "live" ? ["On air", ""] : ["Off air:", status.reason];
  }

  /** Show how it is at this moment. */
  draw() {
    const { root, video, player } = this;
    player.tick();
    const [state, detail] = player.wanted || this.stopped ? player.state : this.#idle;
    if (root.dataset.state !== state) {
      root.dataset.state = state;
      this.look();
    }
    tell(part(root, "state"), state);
    tell(part(root, "detail"), detail);
    const still = this.stopped || player.refused;
    mark(part(root, "pause"), still, still ? "Play" : "Pause");
    mark(part(root, "mute"), video.muted, video.muted ? "Unmute" : "Mute");
    part(root, "volume").value = video.muted ? 0 : video.volume * 100;
    const full = Boolean(document.fullscreenElement);
    mark(part(root, "full"), full, full ? "Leave full screen" : "Full screen");
    const { sounds, heard, texts, text } = player;
    offer(part(root, "sound"), sounds, sounds, heard);
    offer(part(root, "text"), ["", ...texts], ["No subtitles", ...texts], text);
    part(root, "float").hidden = !document.pictureInPictureEnabled;
    const { latency, status } = player;
    tell(part(root, "latency"), state === "Live" && latency ? `${latency.toFixed(1)} s` : "–");
    tell(part(root, "size"), video.videoWidth ? `${video.videoWidth}×${video.videoHeight}` : "–");
    if (!status) return;
    tell(part(root, "bitrate"), `${(status.bitrate / 1e6).toFixed(2)} Mbit/s`);
    tell(part(root, "viewers"), String(status.clients + status.hls_viewers));
    const tracks = part(root, "tracks"), lines = status.tracks.map(words);
    if (tracks.childElementCount === lines.length && tracks.innerText === lines.join("\n")) return;
    tracks.replaceChildren(...lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  }
}

const views = [...document.querySelectorAll("[data-stream]")].map((root) => new View(root));

/** Share out the connections, first come, first served, and show how everything is. */
function update() {
  let free = TILES;
  for (const view of views) view.player.want(view.attended && free-- > 0);
  for (const view of views) view.draw();
}

const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const view = views.find(({ root }) => root === target);
    view.visible = isIntersecting;
    view.look();
  }
  update();
});
for (const view of views) observer.observe(view.root);
document.addEventListener("visibilitychange", update);
window.addEventListener("online", () => views.forEach((view) => view.player.hurry()));
setInterval(update, TICK);
setInterval(() => views.forEach((view) => view.look()), LOOK);

for (const field of document.querySelectorAll("[data-command]")) {
  const { command, path } = field.dataset;
  field.value = command.replace("ADDRESS", address(path));
  field.addEventListener("focus", () => field.select());
  part(field.parentElement, "copy").addEventListener("click", async ({ currentTarget }) => {
    field.focus();
    // Browsers give the clipboard to pages that came through TLS; the old way works for all.
    const copied = document.execCommand("copy") || (await navigator.clipboard?.writeText(field.value), true);
    currentTarget?.focus();
    tell(part(document, "copied"), copied ? "Copied." : "");
  });
}
