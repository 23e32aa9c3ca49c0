/** What the engine works with: shown as far as the key may see it, and changed as far as it may change it. */

import { Tabs } from "@ark-ui/react/tabs";
import { useNavigate, useSearch } from "@tanstack/react-router";

import { usePermissions } from "../shell/permissions";
import { useTenant } from "../shell/identity";
import { Empty } from "../ui/parts";
import { Agents } from "./settings/Agents";
import { Keys } from "./settings/Keys";
import { Limits } from "./settings/Limits";
import { Models } from "./settings/Models";
import { Tools } from "./settings/Tools";

export function Settings() {
  const { may, isForAllTenants } = usePermissions();
  const { tenant } = useTenant();
  const { tab } = useSearch({ from: "/settings" });
  const navigate = useNavigate({ from: "/settings" });
  const tabs = [
    { id: "agents", name: "Agents", content: <Agents />, isSeen: may("admin") },
    { id: "models", name: "Models", content: <Models />, isSeen: may("admin") && isForAllTenants },
    { id: "tools", name: "Tools", content: <Tools />, isSeen: may("admin") },
    { id: "keys", name: "Keys", content: <Keys />, isSeen: may("admin") },
    { id: "limits", name: "Limits", content: <Limits />, isSeen: may("costs") },
  ].filter(({ isSeen }) => isSeen);
  const shown = tabs.some(({ id }) => id === tab) ? tab : tabs[0]?.id;
  return (
    <main className="page" id="main">
      <header className="page-head">
        <div>
          <h1>Settings</h1>
          <p className="quiet">{isForAllTenants ? "Of all tenants." : `Of ${tenant}.`} Changes hold from the next request on.</p>
        </div>
      </header>
      {shown === undefined ? (
        <Empty title="Nothing here is for this key">An administrator’s key shows agents, tools, keys and limits.</Empty>
      ) : (
        <Tabs.Root value={shown} onValueChange={({ value }) => void navigate({ search: { tab: value }, replace: true })} lazyMount unmountOnExit>
          <Tabs.List className="tabs">
            {tabs.map(({ id, name }) => <Tabs.Trigger key={id} className="tab" value={id}>{name}</Tabs.Trigger>)}
          </Tabs.List>
          {tabs.map(({ id, content }) => <Tabs.Content key={id} value={id}>{content}</Tabs.Content>)}
        </Tabs.Root>
      )}
    </main>
  );
}
