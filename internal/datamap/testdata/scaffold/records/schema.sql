-- A record club, with names in mixed case and with spaces. An invented company.
CREATE TABLE "Clerk" (
    "ClerkId"   integer PRIMARY KEY,
    "LastName"  varchar(40) NOT NULL,
    "FirstName" varchar(40) NOT NULL,
    "ReportsTo" integer REFERENCES "Clerk" ("ClerkId"),
    "BirthDate" timestamp,
    "HireDate"  timestamp,
    "Email"     varchar(60)
);
CREATE TABLE "Member" (
    "MemberId"   integer PRIMARY KEY,
    "FirstName"  varchar(40) NOT NULL,
    "LastName"   varchar(40) NOT NULL,
    "Company"    varchar(80),
    "Address"    varchar(70),
    "City"       varchar(40),
    "PostalCode" varchar(10),
    "Phone"      varchar(24),
    "Email"      varchar(60) NOT NULL,
    "SponsorId"  integer REFERENCES "Member" ("MemberId"),
    "ClerkId"    integer REFERENCES "Clerk" ("ClerkId")
);
CREATE TABLE "Label" ("LabelId" integer PRIMARY KEY, "Name" varchar(120));
CREATE TABLE "Record" (
    "RecordId"  integer PRIMARY KEY,
    "Name"      varchar(200) NOT NULL,
    "LabelId"   integer REFERENCES "Label" ("LabelId"),
    "UnitPrice" numeric(10,2) NOT NULL
);
CREATE TABLE "Receipt" (
    "ReceiptId"      integer PRIMARY KEY,
    "MemberId"       integer NOT NULL REFERENCES "Member" ("MemberId"),
    "CollectedBy"    integer REFERENCES "Member" ("MemberId"),
    "ReceiptDate"    timestamp NOT NULL,
    "BillingAddress" varchar(70),
    "Total"          numeric(10,2) NOT NULL
);
CREATE TABLE "Receipt Line" (
    "ReceiptId" integer NOT NULL REFERENCES "Receipt" ("ReceiptId"),
    "Line"      integer NOT NULL,
    "RecordId"  integer NOT NULL REFERENCES "Record" ("RecordId"),
    "Quantity"  integer NOT NULL,
    PRIMARY KEY ("ReceiptId", "Line")
);
-- No constraint: the till writes here at night.
CREATE TABLE "Gift Card" ("Code" varchar(16) PRIMARY KEY, "Buyer Member Id" integer, "Amount" numeric(10,2), "Remark" text);
CREATE INDEX "ReceiptOfMember" ON "Receipt" ("MemberId");

INSERT INTO "Clerk" VALUES (1, 'Adler', 'Ann', NULL, '1980-01-01', '2010-01-01', 'ann@club.example'), (2, 'Berg', 'Bo', 1, '1985-01-01', '2012-01-01', 'bo@club.example');
INSERT INTO "Member" VALUES
    (1, 'Cara', 'Cole', NULL, '1 Elm Road', 'Oldtown', '10001', '030-0074321', 'cara@mail.example', NULL, 1),
    (2, 'Dan', 'Dorn', NULL, '2 Elm Road', 'Oldtown', '10001', '030-0074322', 'Dan@mail.example', 1, 1),
    (3, 'Eve', 'Eng', 'Eng Ltd', '3 Elm Road', 'Newtown', '10002', '030-0074323', 'eve@mail.example', 2, 2);
INSERT INTO "Label" VALUES (1, 'Blue');
INSERT INTO "Record" VALUES (1, 'Rain', 1, 9.90), (2, 'Sun', 1, 8.90);
INSERT INTO "Receipt" VALUES
    (11, 1, NULL, '2026-01-01', '1 Elm Road', 9.90),
    (12, 2, NULL, '2026-01-02', '2 Elm Road', 18.80),
    (13, 2, 3, '2026-01-03', '2 Elm Road', 8.90),
    (14, 3, 2, '2026-01-04', '3 Elm Road', 9.90); -- Dan carried it home; it is Eve's
INSERT INTO "Receipt Line" VALUES (11, 1, 1, 1), (12, 1, 1, 1), (12, 2, 2, 1), (13, 1, 2, 1), (14, 1, 1, 1);
INSERT INTO "Gift Card" VALUES ('G-1', 2, 20, 'happy birthday'), ('G-2', 3, 30, NULL), ('G-3', NULL, 10, NULL);
