// When nothing that a person asked for is under way any more.

const [LOOK, QUIET] = [250, 4]; // ms between looks; looks one after the other at which the server runs nothing

/**
 * Calls back once the server has run nothing for a second: what has not been answered by then never will be.
 *
 * @param {() => void} call
 * @returns {() => void} gives up waiting
 */
export function onceAtRest(call) {
  let quiet = 0;
  const look = () => {
    const app = document.querySelector("[data-testid=stApp]");
    quiet = app?.getAttribute("data-test-script-state") === "notRunning" ? quiet + 1 : 0;
    if (quiet === QUIET) call();
    else timer = setTimeout(look, LOOK);
  };
  let timer = setTimeout(look, LOOK);
  return () => clearTimeout(timer);
}
