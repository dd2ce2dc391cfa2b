import { expect, test } from "vitest";
import { asciiAddress } from "./address";

test.each([
  ["ada@müller.example", "ada@xn--mller-kva.example"],
  ["ada@faß.example", "ada@xn--fa-hia.example"], // not "fass", which is another domain
  ["ada@例え.example", "ada@xn--r8jz45g.example"],
])("the domain of %s goes to the service in ASCII", (given, sent) => expect(asciiAddress(given)).toBe(sent));

test.each(["Ada@Example.org", "ada", "ädä", "ädä@example.org", "ada@", "ada@ä/b", "ada@ä b"])(
  "%s has no domain to convert, and stays for the service to judge",
  (given) => expect(asciiAddress(given)).toBe(given),
);
