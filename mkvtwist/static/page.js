// The page of a stream, the player that other sites embed, and the wall of all streams: there as many
// streams play as a browser has connections for.

import { offerCommands } from "./page/commands.js";
import { View } from "./page/view.js";

/** Players at once: browsers open six connections to a host, and two are for other requests. */
const PLAYERS = 4;
/** Milliseconds between two looks at the status. */
const LOOK = 3000;
/** Milliseconds between two looks at the players. */
const TICK = 250;

/** @type {NodeListOf<HTMLElement>} */
const roots = document.querySelectorAll("[data-stream]");
const views = [...roots].map((root) => new View(root));

/** Share out the connections, first come, first served, and show how everything is. */
function update() {
  let free = PLAYERS;
  for (const view of views) view.player.want(view.isAttended && free-- > 0);
  for (const view of views) view.draw();
}

const observer = new IntersectionObserver((entries) => {
  const visible = new Map(entries.map(({ target, isIntersecting }) => [target, isIntersecting]));
  const changed = views.filter(({ root }) => visible.has(root));
  for (const view of changed) view.isVisible = visible.get(view.root) ?? false;
  update();
  for (const view of changed) view.look();
});
for (const view of views) {
  observer.observe(view.root);
  view.root.addEventListener("click", update);
}
document.addEventListener("visibilitychange", update);
window.addEventListener("online", () => views.forEach((view) => view.player.hurry()));
setInterval(update, TICK);
setInterval(() => views.forEach((view) => view.look()), LOOK);
offerCommands();
