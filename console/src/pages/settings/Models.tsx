/** The models and the providers behind them, and whether they answer. */

import { useQuery } from "@tanstack/react-query";

import type { Schema } from "../../api/client";
import { providersQuery } from "../../api/queries";
import { Reading } from "../../ui/Reading";
import { Table } from "../../ui/Table";

export function Models() {
  const query = useQuery(providersQuery);
  return <Reading query={query}>{(list) => <Listed {...list} />}</Reading>;
}

function Listed({ models, providers }: Schema<"ProviderList">) {
  return (
    <>
      <Table label="Models" columns={["Model", "Runs", "State"]}>
        {models.map((model) => (
          <tr key={model.name}>
            <td className="cell-name">{model.name}</td>
            <td className="nowrap">{model.is_installed ? "In the engine" : "At its provider"}</td>
            <td>
              <ModelState isLeftAlone={model.is_left_alone} failure={model.last_failure} />
            </td>
          </tr>
        ))}
      </Table>
      <section className="block">
        <h2>Providers</h2>
        <p className="quiet">They are set in the configuration file; their keys are in the engine’s environment, and are never shown.</p>
        <Table label="Providers" columns={["Provider", "Address", "Key", "State"]}>
          {providers.map((provider) => (
            <tr key={provider.name}>
              <td>{provider.name}<span className="cell-sub">{provider.wire}</span></td>
              <td className="cell-name">{provider.base_url || "–"}</td>
              <td>{provider.key_env ? <code>{provider.key_env}</code> : "None needed"}</td>
              <td>{provider.is_ready ? <span className="badge badge-good">Ready</span> : <span className="badge">{provider.base_url ? "No key" : "No address"}</span>}</td>
            </tr>
          ))}
        </Table>
      </section>
    </>
  );
}

const FAILURES: Record<string, string> = {
  timeout: "It did not answer in time.", rate_limit: "It was asked too often.", overload: "It has too much to do.", server: "It had an error of its own.",
  refused: "It refused the request.", auth: "It did not accept the key.", bad_answer: "Its answer could not be read.", cut: "Its answer broke off.",
};

function ModelState({ isLeftAlone, failure: reason }: { isLeftAlone: boolean; failure: string | null }) {
  const failure = reason && (FAILURES[reason] ?? reason);
  if (isLeftAlone) return <><span className="badge badge-bad">Left alone</span><span className="cell-sub">It failed several times; another try follows. {failure}</span></>;
  if (failure) return <><span className="badge badge-wait">Failed last time</span><span className="cell-sub">{failure}</span></>;
  return <span className="badge badge-good">No failure</span>;
}
