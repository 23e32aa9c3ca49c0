/** What the navigation ends with: the API's pages, the theme, and who is signed in. */

import { BookOpen } from "lucide-react";

import type { Schema } from "../api/client";
import { Account } from "./Account";
import { ThemeChoice } from "./ThemeChoice";

export function NavEnd({ session }: { session: Schema<"SessionView"> }) {
  return (
    <>
      <a className="nav-link" href="/docs">
        <BookOpen aria-hidden />
        <span>API</span>
      </a>
      <ThemeChoice />
      <Account session={session} />
    </>
  );
}
