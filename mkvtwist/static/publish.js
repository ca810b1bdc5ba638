// The page that publishes a camera, a screen or a microphone to a stream.

import { copy } from "./common/copy.js";
import { find, part, tell } from "./common/dom.js";
import { megabits, pixels } from "./page/words.js";
import { stayAwake } from "./publish/awake.js";
import { capture, has, release } from "./publish/capture.js";
import { Form } from "./publish/form.js";
import { Publisher } from "./publish/publisher.js";
import { canRecord, hasFrequentKeyframes } from "./publish/recording.js";
import { GONE, describe, describeRefusal } from "./publish/words.js";

/** @import { Kind } from "./publish/capture.js" */

const main = find(document, "main", HTMLElement);
const video = find(main, "video", HTMLVideoElement);
const start = part(main, "start", HTMLButtonElement);
const preview = part(main, "preview", HTMLButtonElement);
const problem = part(main, "problem", HTMLElement);
const link = part(main, "link", HTMLInputElement);
const copied = part(main, "copied", HTMLElement);

/** What is shown, and may be published. @type {MediaStream | null} */
let stream = null;
let isChoosing = false;

const form = new Form(find(main, "form", HTMLFormElement), change);
const publisher = new Publisher(draw);

/** @param {string} text what is wrong; empty if nothing is. */
function say(text) {
  problem.hidden = !text;
  tell(problem, text);
}

/** @param {MediaStream | null} taken shown from now on, in place of what was. */
function show(taken) {
  if (stream) release(stream);
  stream = video.srcObject = taken;
}

/** Have the browser ask the person for what the form says, and show it. */
async function choose() {
  isChoosing = true;
  say("");
  show(null);
  draw();
  const { wish } = form;
  try {
    const taken = await capture(wish);
    for (const track of taken.getTracks()) {
      track.addEventListener("ended", () => { if (stream === taken) lose(taken, wish.kind); });
    }
    show(taken);
    await form.list();
  } catch (error) {
    say(describeRefusal(error));
  }
  isChoosing = false;
  draw();
}

/**
 * Go on without a track that has ended, or stop if it was what all is about: its recorder does not
 * notice.
 *
 * @param {MediaStream} from
 * @param {Kind} kind
 */
function lose(from, kind) {
  const rest = new MediaStream(from.getTracks().filter(({ readyState }) => readyState === "live"));
  const { isPublishing } = publisher;
  const text = GONE[kind];
  publisher.stop({ kind: "stopped", text });
  if (!has(rest, kind === "microphone" ? "audio" : "video")) {
    show(null);
    draw();
  } else if (isPublishing) {
    publisher.start(rest, form.bitrate);
  }
}

/** @param {boolean} isDevice */
async function change(isDevice) {
  const { isPublishing } = publisher;
  if (!isDevice) show(null);
  if (!stream) {
    draw();
    return;
  }
  publisher.stop();
  await choose();
  if (isPublishing && stream) publisher.start(stream, form.bitrate);
}

/** Start, or stop. */
async function toggle() {
  if (isChoosing) return; // a disabled button would lose the focus
  if (publisher.isPublishing) {
    publisher.stop();
    show(null);
    draw();
    return;
  }
  if (!stream) await choose();
  if (stream) publisher.start(stream, form.bitrate);
}

/** Show how everything is at this moment. */
function draw() {
  const { condition, isPublishing } = publisher;
  const [state, detail] = describe(publisher);
  main.dataset.state = state;
  tell(part(main, "state", HTMLElement), state);
  tell(part(main, "detail", HTMLElement), detail);
  tell(start, isPublishing ? "Stop" : "Start");
  const isShown = isPublishing || isChoosing || Boolean(stream);
  if (isShown && document.activeElement === preview) start.focus();
  preview.hidden = isShown;
  form.lock(isPublishing, form.wish.kind === "screen" && Boolean(stream));
  const isOpen = condition.kind === "open";
  const bitrate = isOpen ? condition.connection.bitrate : 0;
  const { videoWidth: width, videoHeight: height } = video;
  tell(part(main, "bitrate", HTMLElement), isOpen ? megabits(bitrate, 2) : "–");
  tell(part(main, "viewers", HTMLElement), isOpen ? String(condition.connection.report?.viewers) : "–");
  tell(part(main, "size", HTMLElement), stream && width ? pixels({ width, height }) : "–");
  stayAwake(isPublishing);
}

function begin() {
  link.value = new URL(link.dataset.path ?? "", location.href).href;
  part(main, "copy", HTMLButtonElement).addEventListener("click", async ({ currentTarget }) => {
    await copy(link);
    if (currentTarget instanceof HTMLElement) currentTarget.focus();
    tell(copied, "Copied.");
  });
  const isAllowed = window.isSecureContext && Boolean(navigator.mediaDevices);
  part(main, "insecure", HTMLElement).hidden = isAllowed;
  if (!isAllowed || !canRecord()) {
    find(main, "form", HTMLFormElement).hidden = true;
    if (isAllowed) say("This browser records neither Matroska nor WebM. Chrome, Edge and Firefox do.");
    return;
  }
  part(main, "rare", HTMLElement).hidden = hasFrequentKeyframes();
  find(main, "form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    toggle();
  });
  preview.addEventListener("click", choose);
  video.addEventListener("resize", draw);
  form.list().then(draw);
}

begin();
