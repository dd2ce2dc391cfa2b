/** The Arabic catalogue, both parts in one chunk: apart they are larger when compressed. */
import general from "./ar.json";
import chat from "./chat.ar.json";

export default { ...general, ...chat };
