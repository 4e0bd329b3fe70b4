// The databases that a handheld has when it comes out of the box here: the four of every Palm with a few records in
// them, one application's resources, and one database in ROM. Made anew for each handheld; always the same bytes.

import {
  AddressAppInfo,
  type AddressField,
  AddressFieldType,
  AddressRecord,
  type AppInfoType,
  Category,
  DatabaseDate,
  DatebookAppInfo,
  DatebookRecord,
  EventTime,
  MemoAppInfo,
  MemoRecord,
  type PdbRecord,
  ToDoAppInfo,
  ToDoRecord,
} from "palm-pdb";
import { latin1Bytes } from "../hotsync-protocol/bytes.ts";
import { DB_ATTR, RECORD_ATTR } from "../hotsync-protocol/dlp-databases.ts";
import { palmTime } from "../hotsync-protocol/dlp-structs.ts";
import { emptyDatabase, type PalmDatabase, type PalmRecord } from "./database.ts";

const ENCODING = { encoding: "latin1" };
const BORN = palmTime(new Date("2001-01-04T21:03:31Z"));
const DATES = { created: BORN, modified: BORN, backedUp: 0 };

function categories<T extends AppInfoType>(info: T): Uint8Array {
  info.categories = ["Unfiled", "Business", "Personal"].map((label, uniqId) => Category.with({ label, uniqId }));
  info.lastUniqId = 15;
  return new Uint8Array(info.serialize(ENCODING));
}

/** `about` names what differs from a clean record of category 0. */
function record(id: number, content: PdbRecord, about: Partial<PalmRecord> = {}): PalmRecord {
  return { id, attributes: 0, category: 0, data: new Uint8Array(content.serialize(ENCODING)), ...about };
}

function memo(text: string): MemoRecord {
  const content = new MemoRecord();
  content.value = text;
  return content;
}

/** `month` from 1. */
function date(year: number, month: number, dayOfMonth: number): DatabaseDate {
  const day = new DatabaseDate();
  Object.assign(day, { year, month: month - 1, dayOfMonth });
  return day;
}

function toDo(description: string, note: string): ToDoRecord {
  const content = new ToDoRecord();
  Object.assign(content, { description, note, priority: 1, dueDate: date(2001, 12, 24) });
  return content;
}

function appointment(hour: number, description: string): DatebookRecord {
  const content = new DatebookRecord();
  content.date = date(2001, 9, 9);
  content.startTime = EventTime.with({ hour, minute: 0 });
  content.endTime = EventTime.with({ hour: hour + 1, minute: 30 });
  content.description = description;
  return content;
}

function address(last: string, first: string, phone: string): AddressRecord {
  const content = new AddressRecord();
  content.set(AddressFieldType.LAST_NAME, last);
  content.set(AddressFieldType.FIRST_NAME, first);
  content.set(AddressFieldType.PHONE_1, phone);
  return content;
}

const ADDRESS_LABELS = (
  "Last name,First name,Company,Work,Home,Fax,Other,E-mail,Address,City,State,Zip Code,Country,Title," +
  "Custom 1,Custom 2,Custom 3,Custom 4,Note,Main,Pager,Mobile"
).split(",");

function addressAppInfo(): AddressAppInfo {
  const info = new AddressAppInfo();
  info.fields = ADDRESS_LABELS.map((label, type): AddressField => ({ type, label, isRenamed: false }));
  return info;
}

/** Bytes of no meaning that compress and repeat badly: a fragment that goes missing shows. */
function noise(length: number): Uint8Array {
  let state = length;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

export function builtinDatabases(): PalmDatabase[] {
  const user = { ...DATES, attributes: DB_ATTR.BACKUP, type: "DATA" };
  return [
    emptyDatabase({
      ...user,
      name: "AddressDB",
      creator: "addr",
      appInfo: categories(addressAppInfo()),
      records: [
        record(0x4001, address("Hawkins", "Jeff", "650-555-0100"), { category: 1 }),
        record(0x4002, address("Dubinsky", "Donna", "650-555-0101"), { category: 1, attributes: RECORD_ATTR.DIRTY }),
        record(0x4003, address("Müller", "Jürgen", "+49 30 555-0102"), { category: 2 }),
      ],
    }),
    emptyDatabase({
      ...user,
      name: "DatebookDB",
      creator: "date",
      appInfo: categories(new DatebookAppInfo()),
      records: [record(0x5001, appointment(9, "Cradle delivery")), record(0x5002, appointment(14, "Battery change"))],
    }),
    emptyDatabase({
      ...user,
      name: "MemoDB",
      creator: "memo",
      appInfo: categories(new MemoAppInfo()),
      sortInfo: Uint8Array.of(0, 0),
      records: [
        record(0x6001, memo("Hello\nfrom a handheld")),
        record(0x6002, memo("A secret"), { attributes: RECORD_ATTR.SECRET | RECORD_ATTR.DIRTY, category: 2 }),
        record(0x6003, memo("Long. ".repeat(600)), { category: 1 }),
      ],
    }),
    emptyDatabase({
      ...user,
      name: "ToDoDB",
      creator: "todo",
      appInfo: categories(new ToDoAppInfo()),
      records: [record(0x7001, toDo("Press the HotSync button", "the one on the cradle"))],
    }),
    emptyDatabase({
      ...DATES,
      name: "Devlift Hello",
      attributes: DB_ATTR.RESOURCE | DB_ATTR.BACKUP,
      version: 1,
      type: "appl",
      creator: "dvLH",
      resources: [
        { type: "code", id: 0, data: noise(24) },
        { type: "code", id: 1, data: noise(20000) },
        { type: "tAIN", id: 1000, data: latin1Bytes("Hello\0") },
        { type: "tver", id: 1, data: latin1Bytes("1.0\0") },
      ],
    }),
  ];
}

export function romDatabases(): PalmDatabase[] {
  return [
    emptyDatabase({
      ...DATES,
      name: "System",
      attributes: DB_ATTR.RESOURCE | DB_ATTR.READ_ONLY,
      version: 3,
      type: "rsrc",
      creator: "psys",
      resources: [{ type: "tSTR", id: 1, data: latin1Bytes("Palm OS\0") }],
    }),
  ];
}
