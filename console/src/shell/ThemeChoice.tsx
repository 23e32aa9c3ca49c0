/** Light, dark, or as the system has it. */

import { Monitor, Moon, Sun } from "lucide-react";

import { useRemembered } from "../ui/storage";

const NEXT: Record<string, string> = { system: "light", light: "dark", dark: "system" };
const ICONS = { system: Monitor, light: Sun, dark: Moon };

export function ThemeChoice() {
  const [theme, setTheme] = useRemembered("theme", "system");
  const Icon = ICONS[theme as keyof typeof ICONS] ?? Monitor;
  const choose = () => {
    const next = NEXT[theme] ?? "system";
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    setTheme(next);
  };
  return (
    <button type="button" className="nav-link" onClick={choose} title="Change the theme">
      <Icon aria-hidden />
      <span>{theme === "system" ? "System theme" : theme === "light" ? "Light theme" : "Dark theme"}</span>
    </button>
  );
}
