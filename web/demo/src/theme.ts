/** Light, dark, or what the system says. */

import { create, element } from "./dom.js";

const THEMES = ["system", "light", "dark"] as const;

/** Wires the theme button; the choice is kept where storage is allowed. */
export function initTheme(): void {
  const button = element("theme", HTMLButtonElement);
  let theme = "system";
  try {
    theme = localStorage.getItem("theme") ?? theme;
  } catch {
    // A page without storage starts with the system's theme.
  }
  const show = (): void => {
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    button.setAttribute("aria-label", `Theme: ${theme}`);
    button.replaceChildren(create("span", "Theme: "), theme);
  };
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.findIndex((name) => name === theme) + 1) % THEMES.length] ?? "system";
    show();
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // The choice lasts as long as the page.
    }
  });
  show();
}
