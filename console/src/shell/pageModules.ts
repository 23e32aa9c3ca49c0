/** The code of pages, which is loaded when one is first opened. */

const RETRY_MILLISECONDS = 700;

/** Load the code of a page; where the engine is away, wait until it is back: the router would reload the whole console. */
export const patiently = <Module>(load: () => Promise<Module>) => async (): Promise<Module> => {
  for (;;) {
    try {
      return await load();
    } catch (error) {
      if (await isReachable()) throw error; // another version is served by now: the router reloads
      await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
    }
  }
};

async function isReachable(): Promise<boolean> {
  try {
    await fetch("/healthz", { cache: "no-store" });
    return true;
  } catch {
    return false; // no answer at all
  }
}
