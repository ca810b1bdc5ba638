// <script src="http://HOST/static/embed.js" data-stream="NAME"></script>
// puts the stream where the script stands, as wide as there is room; data-token is for a stream that
// requires a token. This is a classic script: only such a script knows where it stands.
"use strict";

{
  const script = document.currentScript;
  if (script instanceof HTMLScriptElement) {
    const frame = document.createElement("iframe");
    const { stream = "", token } = script.dataset;
    const access = token ? `&token=${encodeURIComponent(token)}` : "";
    frame.src = new URL(`../${stream}?embed${access}`, script.src).href;
    frame.title = stream;
    frame.allow = "autoplay; fullscreen; picture-in-picture";
    frame.style.cssText = "display: block; width: 100%; aspect-ratio: 16 / 9; border: 0";
    script.after(frame);
  }
}
