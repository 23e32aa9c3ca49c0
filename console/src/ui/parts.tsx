/** Small parts that all pages use. */

import type { ButtonHTMLAttributes, ReactNode } from "react";
import { AlertTriangle, Inbox, LoaderCircle } from "lucide-react";

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & { kind?: "primary" | "plain" | "danger" | "ghost"; small?: boolean };

export function Button({ kind = "plain", small = false, className = "", type = "button", ...rest }: ButtonProps) {
  return <button type={type} className={`button button-${kind} ${small ? "button-small" : ""} ${className}`} {...rest} />;
}

export function IconButton({ label, className = "", ...rest }: ButtonHTMLAttributes<HTMLButtonElement> & { label: string }) {
  return <button type="button" className={`icon-button ${className}`} aria-label={label} title={label} {...rest} />;
}

export function Empty({ title, children, icon }: { title: string; children?: ReactNode; icon?: ReactNode }) {
  return (
    <div className="state">
      <span className="state-icon" aria-hidden>{icon ?? <Inbox />}</span>
      <h2>{title}</h2>
      {children && <p>{children}</p>}
    </div>
  );
}

export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div className="state state-failed" role="alert">
      <span className="state-icon" aria-hidden><AlertTriangle /></span>
      <h2>This did not work</h2>
      <p>{error instanceof Error ? error.message : "Something went wrong."}</p>
      {retry && <Button onClick={retry}>Try again</Button>}
    </div>
  );
}

/** Said above what was read before, when reading it again failed. */
export function NotFresh({ error, retry }: { error: Error; retry: () => void }) {
  return (
    <div className="notice notice-bad" role="alert">
      <p>What is shown may be out of date. {error.message}</p>
      <Button small onClick={retry}>Try again</Button>
    </div>
  );
}

export function Loading({ label = "Loading" }: { label?: string }) {
  return (
    <div className="state state-loading" role="status">
      <LoaderCircle className="spin" aria-hidden />
      <span>{label} …</span>
    </div>
  );
}

const TONES: Record<string, string> = {
  completed: "good", success: "good", running: "busy", awaiting_approval: "wait", paused: "wait",
  failed: "bad", timeout: "bad", expired: "dull", cancelled: "dull", skipped: "dull", denied: "dull",
};
const NAMES: Record<string, string> = { awaiting_approval: "Waits for you" };

export function Status({ status, degraded = false }: { status: string; degraded?: boolean | null }) {
  const tone = degraded && status === "completed" ? "wait" : (TONES[status] ?? "dull");
  const name = NAMES[status] ?? status.charAt(0).toUpperCase() + status.slice(1).replaceAll("_", " ");
  return <span className={`badge badge-${tone}`}>{degraded && status === "completed" ? "Degraded" : name}</span>;
}

export function Field({ label, children, hint }: { label: string; children: ReactNode; hint?: string }) {
  return (
    <label className="field">
      <span className="field-label">{label}</span>
      {children}
      {hint && <span className="field-hint">{hint}</span>}
    </label>
  );
}
