// Commands that open a stream elsewhere, each in a field of its own with a button that copies it.

import { copy } from "../common/copy.js";
import { part, tell } from "../common/dom.js";
import { address } from "../player/server.js";

/** Fill in the commands, and have their buttons work. */
export function offerCommands() {
  for (const field of document.querySelectorAll("input[data-command]")) {
    if (!(field instanceof HTMLInputElement) || !field.parentElement) continue;
    const { command = "", path = "" } = field.dataset;
    field.value = command.replace("ADDRESS", address(path));
    field.addEventListener("focus", () => field.select());
    const button = part(field.parentElement, "copy", HTMLButtonElement);
    button.addEventListener("click", async () => {
      await copy(field);
      button.focus();
      tell(part(document, "copied", HTMLElement), "Copied.");
    });
  }
}
