-- System "billing": what was bought and what was invoiced. account_id is the id of an account in
-- the system "accounts"; as that is another database, no foreign key can say so.
-- An invented company. MariaDB 10.11; the tables stand in the database that one is connected to.

CREATE TABLE orders (
    id             bigint        NOT NULL AUTO_INCREMENT COMMENT 'order',
    account_id     bigint        NOT NULL COMMENT 'accounts.users.id, in the system "accounts"',
    order_no       varchar(20)   NOT NULL COMMENT 'the number that the customer sees',
    status         enum('open', 'paid', 'cancelled') NOT NULL,
    currency       char(3)       NOT NULL DEFAULT 'CNY',
    amount         decimal(14,2) NOT NULL COMMENT 'sum of the items, in currency',
    payment_method varchar(30),
    created_at     timestamp     NOT NULL DEFAULT current_timestamp(),
    paid_at        timestamp     NULL,
    PRIMARY KEY (id),
    CONSTRAINT paid_orders_say_when CHECK ((status = 'paid') = (paid_at IS NOT NULL))
) ENGINE = InnoDB COMMENT = 'Orders of an account';

CREATE TABLE order_items (
    order_id    bigint        NOT NULL,
    line_no     int           NOT NULL,
    sku         varchar(40)   NOT NULL,
    description varchar(200)  NOT NULL,
    quantity    int           NOT NULL,
    unit_price  decimal(14,2) NOT NULL,
    PRIMARY KEY (order_id, line_no),
    CONSTRAINT quantity_is_positive CHECK (quantity > 0)
) ENGINE = InnoDB COMMENT = 'Lines of an order';

CREATE TABLE invoices (
    id           bigint        NOT NULL AUTO_INCREMENT,
    order_id     bigint        NOT NULL,
    invoice_no   varchar(30)   NOT NULL,
    title        varchar(200)  NOT NULL COMMENT 'the buyer as printed: a company, or a person''s name',
    tax_no       varchar(18)   COMMENT 'the buyer''s unified social credit code; empty for people',
    bank_name    varchar(100),
    bank_account varchar(40)   COMMENT 'the buyer''s account, as special VAT invoices print it',
    address      varchar(300),
    amount       decimal(14,2) NOT NULL,
    issued_at    datetime      NOT NULL COMMENT 'in UTC',
    PRIMARY KEY (id)
) ENGINE = InnoDB COMMENT = 'Issued invoices; tax papers, kept ten years';

-- after load

ALTER TABLE orders ADD CONSTRAINT order_no_is_unique UNIQUE (order_no);
ALTER TABLE invoices ADD CONSTRAINT invoice_no_is_unique UNIQUE (invoice_no);

ALTER TABLE orders ADD INDEX orders_of_account (account_id);
-- By which rows are found whose time is up.
ALTER TABLE orders ADD INDEX orders_by_time (created_at);
ALTER TABLE invoices ADD INDEX invoices_by_time (issued_at);
ALTER TABLE order_items ADD CONSTRAINT item_of_an_order FOREIGN KEY (order_id) REFERENCES orders (id);
ALTER TABLE invoices ADD CONSTRAINT invoice_of_an_order FOREIGN KEY (order_id) REFERENCES orders (id);
