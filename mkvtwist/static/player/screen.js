// The video element, and over it the last picture while the video has none.

/** The video of a player. */
export class Screen {
  /** Whether the browser wants a click before it plays. */
  isBlocked = false;

  /**
   * @param {HTMLVideoElement} video
   * @param {HTMLCanvasElement} canvas lies over the video, and shows the last picture between two
   *   connections.
   */
  constructor(video, canvas) {
    this.video = video;
    this.canvas = canvas;
    video.addEventListener("playing", () => { canvas.hidden = true; });
  }

  /**
   * Load another source, and play it.
   *
   * @param {string} url
   */
  load(url) {
    this.#keep();
    this.video.src = url;
    this.play();
  }

  /** Let go of a source that would be loaded further. */
  unload() {
    this.#keep();
    this.video.removeAttribute("src");
    this.video.load();
  }

  /** Play: most browsers allow it unasked while there is no sound, all of them after a click. */
  play() {
    this.video.play().then(() => { this.isBlocked = false; }, (error) => {
      this.isBlocked = error.name === "NotAllowedError";
    });
  }

  /** Keep showing the current picture until there is another one. */
  #keep() {
    const { video, canvas } = this;
    if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || !video.videoWidth) return;
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    canvas.hidden = false;
  }
}
