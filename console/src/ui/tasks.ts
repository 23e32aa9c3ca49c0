/** Long work in short tasks, so that the page answers between them. */

/** Go on in a task of its own. A timer would do so too, but waits for seconds where the page is not shown. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
