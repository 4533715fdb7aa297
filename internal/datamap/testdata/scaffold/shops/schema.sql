-- A chain of shops. Every key has two columns or more, the names are pinyin, and half of the
-- links have no constraint. An invented company.
CREATE SCHEMA lianying;
SET search_path = lianying;
CREATE TABLE mendian (mendian_id smallint PRIMARY KEY, mingcheng varchar(40) NOT NULL, kaiye date);
CREATE TABLE huiyuan (
    mendian_id   smallint NOT NULL REFERENCES mendian,
    huiyuan_no   integer  NOT NULL,
    xingming     varchar(40) NOT NULL,
    shoujihao    varchar(20),
    youxiang     varchar(80),
    shenfenzheng char(18),
    xingbie      char(1),
    zhuce_shijian timestamp NOT NULL,
    PRIMARY KEY (mendian_id, huiyuan_no)
);
CREATE TABLE dingdan (
    mendian_id  smallint NOT NULL,
    dingdan_no  integer  NOT NULL,
    huiyuan_no  integer,
    shouhuoren  varchar(40),
    dizhi       varchar(120),
    jine        numeric(12,2) NOT NULL,
    PRIMARY KEY (mendian_id, dingdan_no),
    FOREIGN KEY (mendian_id, huiyuan_no) REFERENCES huiyuan (mendian_id, huiyuan_no)
);
CREATE TABLE dingdan_mingxi (
    mendian_id smallint NOT NULL,
    dingdan_no integer  NOT NULL,
    hang_no    smallint NOT NULL,
    shangpin   varchar(60) NOT NULL,
    jiage      numeric(12,2) NOT NULL,
    PRIMARY KEY (mendian_id, dingdan_no, hang_no)
);
CREATE TABLE jifen (
    mendian_id smallint NOT NULL,
    huiyuan_no integer  NOT NULL,
    liushui    bigint   NOT NULL,
    fenshu     integer  NOT NULL,
    beizhu     text,
    UNIQUE (mendian_id, huiyuan_no, liushui)
);
-- Who wrote in without being a member: only c1 says who it was, and only its values say so.
CREATE TABLE liuyan (id bigint PRIMARY KEY, c1 varchar(30), neirong text NOT NULL);
CREATE TABLE kucun (mendian_id smallint NOT NULL, shangpin varchar(60) NOT NULL, shuliang integer NOT NULL, PRIMARY KEY (mendian_id, shangpin));

INSERT INTO mendian VALUES (1, '一号店', '2020-01-01'), (2, '二号店', '2021-01-01');
INSERT INTO huiyuan VALUES
    (1, 1, '王小明', '13800000001', 'wang@mail.example', '990101199001010019', 'M', '2025-01-01'),
    (1, 2, '李小红', '13800000002', 'li@mail.example', NULL, 'F', '2025-01-02'),
    (2, 1, '赵小刚', '13800000003', 'zhao@mail.example', NULL, 'M', '2025-01-03'),
    (2, 2, '钱小美', '+86 138 0000 0004', NULL, NULL, 'F', '2025-01-04');
INSERT INTO dingdan VALUES (1, 1, 1, '王小明', '甲路1号', 10), (1, 2, 2, '李小红', '甲路2号', 20), (2, 1, 1, '赵小刚', '乙路1号', 30), (1, 3, 1, '王大明', '丙路1号', 40), (2, 2, NULL, '王小明', '甲路1号', 50);
INSERT INTO dingdan_mingxi VALUES (1, 1, 1, '茶', 10), (1, 2, 1, '米', 20), (2, 1, 1, '茶', 30), (1, 3, 1, '茶', 10), (1, 3, 2, '米', 30), (2, 2, 1, '米', 50);
INSERT INTO jifen VALUES (1, 1, 1, 10, NULL), (1, 2, 1, 20, NULL), (2, 1, 1, 30, NULL), (1, 1, 2, 40, '补登');
INSERT INTO liuyan VALUES (1, '138-0000-0001', '何时开门'), (2, '13800000002', '谢谢'), (3, '13800000009', '有茶吗'), (4, NULL, '你好');
INSERT INTO kucun VALUES (1, '茶', 5), (2, '茶', 6);
