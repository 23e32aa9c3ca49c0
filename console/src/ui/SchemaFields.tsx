/** A form of what a JSON schema asks for: each property as the simplest field that holds it. */

import { Field } from "./parts";
import { sentence } from "./format";

export interface JsonSchema {
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  type?: string;
  title?: string;
  description?: string;
  default?: unknown;
  enum?: readonly unknown[];
  const?: unknown;
  anyOf?: readonly JsonSchema[];
  allOf?: readonly JsonSchema[];
  format?: string;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  properties?: Record<string, JsonSchema>;
  required?: readonly string[];
}

export interface SchemaField {
  name: string;
  schema: JsonSchema;
  isRequired: boolean;
}

type Kind = "choice" | "flag" | "number" | "date" | "line" | "text" | "json";

/** Longer texts get a box of several lines. */
const LINE_CHARACTERS = 200;

/** The properties of a schema whose names are wanted, each without its references. */
export function fieldsOf(schema: JsonSchema, isWanted: (name: string) => boolean): SchemaField[] {
  return Object.entries(schema.properties ?? {})
    .filter(([name]) => isWanted(name))
    .map(([name, each]) => ({ name, schema: resolved(each, schema.$defs ?? {}), isRequired: schema.required?.includes(name) ?? false }));
}

/** One value that has to be given. */
export const requiredField = (name: string, schema: JsonSchema): SchemaField => ({ name, schema: resolved(schema, schema.$defs ?? {}), isRequired: true });

/** The properties of one value that has to be given; none where it is no object of known properties. */
export function partsOf(schema: JsonSchema): SchemaField[] {
  const defs = schema.$defs ?? {};
  return fieldsOf({ ...resolved(schema, defs), $defs: defs }, () => true);
}

/** Follow references, and take the one alternative beside null. */
function resolved(schema: JsonSchema, defs: Record<string, JsonSchema>, depth = 0): JsonSchema {
  if (depth > 8) return schema;
  const options = schema.anyOf?.filter(({ type }) => type !== "null") ?? [];
  const inner = schema.$ref ? defs[schema.$ref.split("/").at(-1)!] : options.length === 1 ? options[0] : schema.allOf?.length === 1 ? schema.allOf[0] : undefined;
  if (!inner) return schema;
  const { $ref: _ref, anyOf: _any, allOf: _all, ...own } = schema;
  return { ...resolved(inner, defs, depth + 1), ...own };
}

function kindOf(schema: JsonSchema): Kind {
  if (schema.enum) return "choice";
  if (schema.type === "boolean") return "flag";
  if (schema.type === "integer" || schema.type === "number" || isDecimal(schema)) return "number";
  if (schema.type === "string") {
    if (schema.format === "date") return "date";
    return (schema.maxLength ?? Infinity) > LINE_CHARACTERS ? "text" : "line";
  }
  return "json";
}

/** Exact numbers may be sent as numbers or as texts. */
const isDecimal = ({ anyOf = [] }: JsonSchema) => anyOf.some(({ type }) => type === "number") && anyOf.every(({ type }) => type === "number" || type === "string" || type === "null");

/** The text with which a field begins: its default. */
export function draftOf({ schema }: SchemaField): string {
  if (schema.default == null) return "";
  return typeof schema.default === "string" ? schema.default : JSON.stringify(schema.default);
}

/** The text that a field has for a value; the other way round of `valueOf`. */
export function textOf(value: unknown): string {
  if (value == null) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** The values of a form as JSON has them; what is empty and need not be there is left out. */
export function valuesOf(fields: readonly SchemaField[], drafts: Readonly<Record<string, string>>): Record<string, unknown> {
  const filled = fields.filter((field) => field.isRequired || (drafts[field.name] ?? draftOf(field)) !== "");
  return Object.fromEntries(filled.map((field) => [field.name, valueOf(field, drafts[field.name] ?? draftOf(field))]));
}

function valueOf({ name, schema }: SchemaField, text: string): unknown {
  switch (kindOf(schema)) {
    case "choice":
      return schema.enum!.find((each) => textOf(each) === text) ?? text;
    case "flag":
      return text === "true";
    case "number":
      // Exact numbers go as texts: a floating-point number may not hold them.
      if (isDecimal(schema)) return text;
      return Number.isSafeInteger(Number(text)) || schema.type === "number" ? Number(text) : text;
    case "json":
      return parsed(name, text);
    default:
      return text;
  }
}

export function parsed(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${sentence(name)} has to be JSON, such as 12, true, "text" or ["a", "b"].`);
  }
}

interface SchemaFieldsProps {
  fields: readonly SchemaField[];
  drafts: Readonly<Record<string, string>>;
  onChange: (name: string, text: string) => void;
}

export function SchemaFields({ fields, drafts, onChange }: SchemaFieldsProps) {
  return fields.map((field) => (
    <One key={field.name} field={field} text={drafts[field.name] ?? draftOf(field)} onChange={(text) => onChange(field.name, text)} />
  ));
}

function One({ field: { name, schema, isRequired }, text, onChange }: { field: SchemaField; text: string; onChange: (text: string) => void }) {
  const kind = kindOf(schema);
  const label = `${sentence(name)}${isRequired ? "" : " (optional)"}`;
  const common = { required: isRequired, value: text };
  if (kind === "flag") {
    return (
      <label className="check">
        <input type="checkbox" checked={text === "true"} onChange={({ target }) => onChange(String(target.checked))} /> {sentence(name)}
        {schema.description && <span className="field-hint">{schema.description}</span>}
      </label>
    );
  }
  return (
    <Field label={label} {...(schema.description ? { hint: schema.description } : kind === "json" ? { hint: "JSON" } : {})}>
      {kind === "choice" ? (
        <select {...common} onChange={({ target }) => onChange(target.value)}>
          {!schema.enum!.some((each) => textOf(each) === text) && <option value="">–</option>}
          {schema.enum!.map((each) => <option key={textOf(each)} value={textOf(each)}>{textOf(each)}</option>)}
        </select>
      ) : kind === "text" || kind === "json" ? (
        <textarea {...common} dir="auto" rows={kind === "json" ? 3 : 4} maxLength={schema.maxLength} spellCheck={kind === "text"} onChange={({ target }) => onChange(target.value)} />
      ) : (
        <input
          {...common}
          type={kind === "line" ? "text" : kind}
          maxLength={schema.maxLength}
          min={schema.minimum}
          max={schema.maximum}
          step={schema.type === "integer" ? 1 : "any"}
          onChange={({ target }) => onChange(target.value)}
        />
      )}
    </Field>
  );
}
