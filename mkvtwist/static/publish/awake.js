// A phone that publishes must not go to sleep: its camera would.

/** @type {WakeLockSentinel | null} */
let lock = null;
let isWanted = false;
let isAsking = false;

async function take() {
  if (!isWanted || lock || isAsking || document.hidden) return;
  isAsking = true;
  lock = await navigator.wakeLock?.request("screen").catch(() => null) ?? null;
  isAsking = false;
  lock?.addEventListener("release", () => { lock = null; });
  if (!isWanted) lock?.release();
}

/** @param {boolean} isAwake */
export function stayAwake(isAwake) {
  if (isWanted === isAwake) return;
  isWanted = isAwake;
  if (isAwake) take();
  else lock?.release();
}

document.addEventListener("visibilitychange", take); // the browser takes it back with the page hidden
