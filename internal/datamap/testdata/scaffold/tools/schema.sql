-- A library that lends tools: payments in partitions that carry the constraints themselves,
-- triggers, an address table that members, staff and branches share. An invented company.
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.last_update = now(); RETURN NEW; END$$;
CREATE DOMAIN year AS integer CHECK (VALUE BETWEEN 1901 AND 2155);
CREATE TYPE state AS ENUM ('new', 'used', 'broken');

CREATE TABLE town (town_id serial PRIMARY KEY, town text NOT NULL, last_update timestamptz NOT NULL DEFAULT now());
CREATE TABLE address (
    address_id  serial PRIMARY KEY,
    address     text NOT NULL,
    district    text NOT NULL,
    town_id     integer NOT NULL REFERENCES town,
    postal_code text,
    phone       text NOT NULL,
    last_update timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE branch (branch_id serial PRIMARY KEY, manager_staff_id integer NOT NULL, address_id integer NOT NULL REFERENCES address);
CREATE TABLE staff (
    staff_id   serial PRIMARY KEY,
    first_name text NOT NULL,
    last_name  text NOT NULL,
    address_id integer NOT NULL REFERENCES address,
    email      text,
    branch_id  integer NOT NULL REFERENCES branch,
    username   text NOT NULL,
    password   text,
    picture    bytea
);
ALTER TABLE branch ADD FOREIGN KEY (manager_staff_id) REFERENCES staff DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE borrower (
    borrower_id serial PRIMARY KEY,
    branch_id   integer NOT NULL REFERENCES branch,
    first_name  text NOT NULL,
    last_name   text NOT NULL,
    reach_at    text, -- an e-mail, but neither name nor a handful of values tells
    address_id  integer NOT NULL REFERENCES address,
    active      boolean NOT NULL DEFAULT true,
    last_update timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER touched BEFORE UPDATE ON borrower FOR EACH ROW EXECUTE FUNCTION touched();
CREATE TABLE tool (tool_id serial PRIMARY KEY, name text NOT NULL, built year, features text[], fulltext tsvector);
CREATE TABLE item (item_id serial PRIMARY KEY, tool_id integer NOT NULL REFERENCES tool, branch_id integer NOT NULL REFERENCES branch, state state);
CREATE TABLE loan (
    loan_id     serial PRIMARY KEY,
    lent_at     timestamptz NOT NULL,
    item_id     integer NOT NULL REFERENCES item,
    borrower_id integer NOT NULL REFERENCES borrower,
    returned_at timestamptz,
    staff_id    integer NOT NULL REFERENCES staff
);
CREATE UNIQUE INDEX ON loan (lent_at, item_id, borrower_id);
CREATE TABLE payment (
    payment_id  bigserial NOT NULL,
    borrower_id integer NOT NULL,
    staff_id    integer NOT NULL,
    loan_id     integer,
    amount      numeric(5,2) NOT NULL,
    paid_at     timestamptz NOT NULL,
    PRIMARY KEY (paid_at, payment_id)
) PARTITION BY RANGE (paid_at);
CREATE TABLE payment_2026_01 PARTITION OF payment FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE payment_2026_02 PARTITION OF payment FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
ALTER TABLE payment_2026_01 ADD FOREIGN KEY (borrower_id) REFERENCES borrower, ADD FOREIGN KEY (staff_id) REFERENCES staff, ADD FOREIGN KEY (loan_id) REFERENCES loan;
ALTER TABLE payment_2026_02 ADD FOREIGN KEY (borrower_id) REFERENCES borrower, ADD FOREIGN KEY (staff_id) REFERENCES staff, ADD FOREIGN KEY (loan_id) REFERENCES loan;
CREATE INDEX ON payment_2026_01 (borrower_id);
CREATE INDEX ON payment_2026_02 (borrower_id);
CREATE VIEW borrower_list AS SELECT b.borrower_id, b.first_name || ' ' || b.last_name AS name, a.phone FROM borrower b JOIN address a USING (address_id);

INSERT INTO town (town) VALUES ('Oldtown');
INSERT INTO address (address, district, town_id, phone) VALUES ('1 Mill Lane', 'North', 1, '14033335568'), ('2 Mill Lane', 'North', 1, '6172235589'),
    ('3 Mill Lane', 'South', 1, '838635286649'), ('4 Mill Lane', 'South', 1, '448477190408');
BEGIN;
INSERT INTO branch (manager_staff_id, address_id) VALUES (1, 1);
INSERT INTO staff (first_name, last_name, address_id, email, branch_id, username, password) VALUES ('Mia', 'Moor', 2, 'mia@tools.example', 1, 'mia', 'x');
COMMIT;
INSERT INTO borrower (branch_id, first_name, last_name, reach_at, address_id) VALUES
    (1, 'Noa', 'North', 'noa@mail.example', 3), (1, 'Oli', 'Orr', 'oli@mail.example', 3), (1, 'Pia', 'Pell', NULL, 4);
INSERT INTO tool (name, built) VALUES ('Drill', 1999), ('Saw', 2001);
INSERT INTO item (tool_id, branch_id, state) VALUES (1, 1, 'new'), (2, 1, 'used');
INSERT INTO loan (lent_at, item_id, borrower_id, staff_id) VALUES ('2026-01-05', 1, 1, 1), ('2026-01-06', 2, 2, 1), ('2026-02-05', 1, 1, 1), ('2026-02-07', 2, 3, 1);
INSERT INTO payment (borrower_id, staff_id, loan_id, amount, paid_at) VALUES
    (1, 1, 1, 1.50, '2026-01-06 00:00Z'), (2, 1, 2, 2.00, '2026-01-07 00:00Z'), (1, 1, 3, 2.50, '2026-02-06 00:00Z'), (1, 1, NULL, 9.00, '2026-02-08 00:00Z'), (3, 1, 4, 1.00, '2026-02-09 00:00Z');
