/** Files on their way to the engine, one after another, with how far each has come. */

import { useCallback, useRef, useState } from "react";

import { noteSignedOut, type Schema, UNREACHABLE, withQuery } from "../api/client";

type Result = Schema<"IngestResult">;

export interface Upload {
  id: number;
  name: string;
  /** From 0 to 1; at 1 the engine reads the document. */
  sent: number;
  result?: Result;
  problem?: string;
}

export function useUploads(onStored: () => void) {
  const [uploads, setUploads] = useState<readonly Upload[]>([]);
  const queue = useRef(Promise.resolve());
  const next = useRef(0);
  const add = useCallback(
    (files: Iterable<File>, tenant: string | undefined) => {
      for (const file of files) {
        const id = next.current++;
        const note = (part: Partial<Upload>) => setUploads((all) => all.map((each) => (each.id === id ? { ...each, ...part } : each)));
        setUploads((all) => [...all, { id, name: file.name, sent: 0 }]);
        queue.current = queue.current.then(async () => {
          note(await uploaded(file, tenant, (sent) => note({ sent })));
          onStored();
        });
      }
    },
    [onStored],
  );
  const clear = useCallback(() => setUploads((all) => all.filter((each) => !each.result && !each.problem)), []);
  return { uploads, add, clear };
}

/** Send a file; `fetch` cannot say how much of it has gone. */
function uploaded(file: File, tenant: string | undefined, onSent: (part: number) => void): Promise<Partial<Upload>> {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", withQuery("/v1/documents", { filename: file.name }));
    request.setRequestHeader("X-Vital-Console", "1");
    request.setRequestHeader("Content-Type", file.type || "application/x-www-form-urlencoded");
    if (tenant) request.setRequestHeader("X-Tenant-ID", tenant);
    request.upload.onprogress = ({ loaded, total }) => onSent(total ? loaded / total : 0);
    request.upload.onload = () => onSent(1);
    request.onload = () => {
      if (request.status === 401) noteSignedOut();
      resolve(outcome(request));
    };
    request.onerror = () => resolve({ problem: UNREACHABLE });
    request.send(file);
  });
}

function outcome({ status, responseText }: XMLHttpRequest): Partial<Upload> {
  try {
    const answer = JSON.parse(responseText);
    return status < 300 ? { sent: 1, result: answer } : { problem: answer.detail ?? `The engine answered ${status}.` };
  } catch {
    return { problem: `The engine answered ${status}.` };
  }
}
