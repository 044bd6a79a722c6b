"use strict";
// Behind a proxy the browser knows better than the exchange what to call it.
for (const origin of document.querySelectorAll(".origin")) origin.textContent = location.origin;

const narrow = matchMedia("(max-width: 63.99rem)");
document.querySelector("nav details").open = !narrow.matches;

async function copy(code) {
  if (navigator.clipboard) return navigator.clipboard.writeText(code.textContent);
  // Browsers hide the clipboard from pages that come over plain HTTP from another machine.
  getSelection().selectAllChildren(code);
  if (!document.execCommand("copy")) throw new Error("selected, but not copied");
}

for (const button of document.querySelectorAll(".curl button")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const code = button.parentElement.querySelector("code");
    copy(code).then(() => "Copied", () => "Failed").then((word) => {
      button.textContent = word;
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  });
}
