/** The German catalogue, both parts in one chunk: apart they are larger when compressed. */
import general from "./de.json";
import chat from "./chat.de.json";

export default { ...general, ...chat };
