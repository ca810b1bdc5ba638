// Copying a text that stands in a field.

/**
 * Copy the text of a field, and select it.
 *
 * @param {HTMLInputElement} field
 */
export async function copy(field) {
  field.focus();
  field.select();
  // Browsers give the clipboard to pages that came through TLS; the old way works for all.
  if (!document.execCommand("copy")) await navigator.clipboard?.writeText(field.value);
}
