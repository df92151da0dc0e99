BEGIN TRANSACTION;
CREATE TABLE claim (
	fence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run_key TEXT NOT NULL, 
	config_key TEXT NOT NULL, 
	holder CHAR(32) NOT NULL, 
	sweep_uid CHAR(32) NOT NULL, 
	trial_no INTEGER NOT NULL, 
	who TEXT NOT NULL, 
	host TEXT NOT NULL, 
	granted_at REAL NOT NULL, 
	expires_at REAL NOT NULL, 
	steps BIGINT DEFAULT 0 NOT NULL, 
	steps_total BIGINT, 
	CHECK (length(run_key) = 64), 
	UNIQUE (run_key), 
	FOREIGN KEY(config_key) REFERENCES config (config_key)
);
CREATE TABLE component (
	digest TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	doc TEXT NOT NULL, 
	PRIMARY KEY (digest), 
	CHECK (length(digest) = 64)
);
INSERT INTO "component" VALUES('2290f39ed67dd22012a50a725fc89b7fedf6759fc1242793ba34ce8819847b23','namespace','{"$d":[["policy","test"]]}');
INSERT INTO "component" VALUES('592535337c2def641cc9d5ccdb81f3e3298aa86f443e13ed99789a6f6fab0be8','horizon','{"$d":[["policy","test"]]}');
INSERT INTO "component" VALUES('7b463c73a801f4688960f46b988a719c56c2b3e97e6e50a9bb0acce84573f879','hw','{"$d":[["policy","test"]]}');
INSERT INTO "component" VALUES('83b8ad5942a239d6e399f191048acc928120aa12ccf310355b2065ee92d31783','env','{"$d":[["policy","test"]]}');
INSERT INTO "component" VALUES('903c9dece32da4f9a2c323b4550296e4a98b3c983c3857a410fe703c36ca933d','data','{"$d":[["policy","test"]]}');
INSERT INTO "component" VALUES('a5c97c8d411ebc3730fd5fb50e809a9d1f3e9354f0067174f88babc46ca7c5cb','objective','{"$d":[["policy","test"]]}');
INSERT INTO "component" VALUES('b710538e581d1311f238fb599b8d52276ec2c3335af157b4416510ed3b615cf8','code','{"$d":[["policy","test"]]}');
INSERT INTO "component" VALUES('d4fe4b7a656ea7d17deb162226db1554d16f74c25907fed6e13287ee924896f4','metric','{"$d":[["policy","test"]]}');
INSERT INTO "component" VALUES('da9bd461fce24c943013602fe80e510f8872145d8341b590082f3da90d7a4be3','params','{"$d":[["values",{"$d":[["lr",{"$f":"0x1.999999999999ap-4"}]]}]]}');
INSERT INTO "component" VALUES('59c3487b6f0c8ad34097ef111d2f60d714473c5a9e21a40b6744be4cee1c32a3','params','{"$d":[["values",{"$d":[["lr",{"$f":"0x1.999999999999ap-3"}]]}]]}');
INSERT INTO "component" VALUES('de8ecba413887bb3e0ccdac49554d57320054b382bc7ec516b2f1fa36e810dcb','params','{"$d":[["values",{"$d":[["lr",{"$f":"0x1.3333333333333p-2"}]]}]]}');
CREATE TABLE config (
	config_key TEXT NOT NULL, 
	key_version SMALLINT NOT NULL, 
	objective_h TEXT NOT NULL, 
	params_h TEXT NOT NULL, 
	code_h TEXT NOT NULL, 
	data_h TEXT NOT NULL, 
	env_h TEXT NOT NULL, 
	hw_h TEXT NOT NULL, 
	metric_h TEXT NOT NULL, 
	horizon_h TEXT NOT NULL, 
	namespace_h TEXT NOT NULL, 
	created_at REAL NOT NULL, 
	PRIMARY KEY (config_key), 
	CHECK (length(config_key) = 64), 
	FOREIGN KEY(objective_h) REFERENCES component (digest), 
	FOREIGN KEY(params_h) REFERENCES component (digest), 
	FOREIGN KEY(code_h) REFERENCES component (digest), 
	FOREIGN KEY(data_h) REFERENCES component (digest), 
	FOREIGN KEY(env_h) REFERENCES component (digest), 
	FOREIGN KEY(hw_h) REFERENCES component (digest), 
	FOREIGN KEY(metric_h) REFERENCES component (digest), 
	FOREIGN KEY(horizon_h) REFERENCES component (digest), 
	FOREIGN KEY(namespace_h) REFERENCES component (digest)
);
INSERT INTO "config" VALUES('4cecae39eb2f89c8bea808d25e4a795c7bf973424142c4287f939ce5ab34eb3d',1,'a5c97c8d411ebc3730fd5fb50e809a9d1f3e9354f0067174f88babc46ca7c5cb','da9bd461fce24c943013602fe80e510f8872145d8341b590082f3da90d7a4be3','b710538e581d1311f238fb599b8d52276ec2c3335af157b4416510ed3b615cf8','903c9dece32da4f9a2c323b4550296e4a98b3c983c3857a410fe703c36ca933d','83b8ad5942a239d6e399f191048acc928120aa12ccf310355b2065ee92d31783','7b463c73a801f4688960f46b988a719c56c2b3e97e6e50a9bb0acce84573f879','d4fe4b7a656ea7d17deb162226db1554d16f74c25907fed6e13287ee924896f4','592535337c2def641cc9d5ccdb81f3e3298aa86f443e13ed99789a6f6fab0be8','2290f39ed67dd22012a50a725fc89b7fedf6759fc1242793ba34ce8819847b23',1767225600.5);
INSERT INTO "config" VALUES('20117403184ef6d79cfa61e89347b175f4093d8dbf34bb80f6d786f5dc58a143',1,'a5c97c8d411ebc3730fd5fb50e809a9d1f3e9354f0067174f88babc46ca7c5cb','59c3487b6f0c8ad34097ef111d2f60d714473c5a9e21a40b6744be4cee1c32a3','b710538e581d1311f238fb599b8d52276ec2c3335af157b4416510ed3b615cf8','903c9dece32da4f9a2c323b4550296e4a98b3c983c3857a410fe703c36ca933d','83b8ad5942a239d6e399f191048acc928120aa12ccf310355b2065ee92d31783','7b463c73a801f4688960f46b988a719c56c2b3e97e6e50a9bb0acce84573f879','d4fe4b7a656ea7d17deb162226db1554d16f74c25907fed6e13287ee924896f4','592535337c2def641cc9d5ccdb81f3e3298aa86f443e13ed99789a6f6fab0be8','2290f39ed67dd22012a50a725fc89b7fedf6759fc1242793ba34ce8819847b23',1767225600.5);
INSERT INTO "config" VALUES('fd9120c8dbb925fa0010c89b65e84398d78a3281863810053a049f77a592f90a',1,'a5c97c8d411ebc3730fd5fb50e809a9d1f3e9354f0067174f88babc46ca7c5cb','de8ecba413887bb3e0ccdac49554d57320054b382bc7ec516b2f1fa36e810dcb','b710538e581d1311f238fb599b8d52276ec2c3335af157b4416510ed3b615cf8','903c9dece32da4f9a2c323b4550296e4a98b3c983c3857a410fe703c36ca933d','83b8ad5942a239d6e399f191048acc928120aa12ccf310355b2065ee92d31783','7b463c73a801f4688960f46b988a719c56c2b3e97e6e50a9bb0acce84573f879','d4fe4b7a656ea7d17deb162226db1554d16f74c25907fed6e13287ee924896f4','592535337c2def641cc9d5ccdb81f3e3298aa86f443e13ed99789a6f6fab0be8','2290f39ed67dd22012a50a725fc89b7fedf6759fc1242793ba34ce8819847b23',1767225600.5);
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('store_uuid','abcd0000-0000-4000-8000-000000000001');
INSERT INTO "meta" VALUES('schema_version','1');
INSERT INTO "meta" VALUES('min_client','1');
INSERT INTO "meta" VALUES('key_version','1');
CREATE TABLE record (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	uid CHAR(32) NOT NULL, 
	run_key TEXT NOT NULL, 
	config_key TEXT NOT NULL, 
	seed BIGINT NOT NULL, 
	fence BIGINT, 
	late BOOLEAN NOT NULL, 
	status TEXT NOT NULL, 
	steps_done BIGINT NOT NULL, 
	curve TEXT NOT NULL, 
	final TEXT, 
	energy_j REAL, 
	elapsed_s REAL NOT NULL, 
	energy TEXT NOT NULL, 
	hw TEXT NOT NULL, 
	tainted TEXT, 
	cause TEXT, 
	who TEXT NOT NULL, 
	host TEXT NOT NULL, 
	prov TEXT NOT NULL, 
	started_at REAL NOT NULL, 
	ended_at REAL NOT NULL, 
	stored_at REAL NOT NULL, 
	origin CHAR(32), 
	doc_sha TEXT NOT NULL, 
	CHECK (status IN ('complete', 'pruned', 'diverged', 'oom', 'error')), 
	CHECK (steps_done >= 0), 
	CHECK (length(doc_sha) = 64), 
	UNIQUE (uid), 
	FOREIGN KEY(config_key) REFERENCES config (config_key)
);
INSERT INTO "record" VALUES(1,'abcd0000000040008000000000000004','d4e9f8a19b4029e0469e496e12f38cd6003d79da46335d524b715fc94cc9918e','4cecae39eb2f89c8bea808d25e4a795c7bf973424142c4287f939ce5ab34eb3d',1437460808,1,0,'complete',2,'[[1,[0.5882352941176471,-0.3333333333333333],2.3333333333333335,0.1111111111111111],[2,[0.37037037037037035,-0.6666666666666666],4.666666666666667,0.2222222222222222]]','[0.30000000000000004,-0.3333333333333333]',5.16666666666666696272e+00,3.22222222222222187681e-01,'{"total_j":5.166666666666667,"source":"measured:counter","scope":"gpu","attribution":"exclusive","lo_j":5.166666666666667,"hi_j":null,"coverage":0.97,"cpu_j":0.3333333333333333,"cpu_source":"estimated:cpu_load","gpus":[{"uuid":"GPU-1","name":"Test GPU","energy_j":5.166666666666667,"device_j":0.30000000000000004,"power_limit_w":300.0}],"flags":["counter_reset"]}','{"gpu":"Test GPU","memory_mib":81920}',NULL,NULL,'ann','n1','{"commit":null,"sweep":"digits-0000","versions":{"torch":"2.9.1"}}',1700000000.25,1700000001.125,1767225600.5,NULL,'f6bda8e764d447e60fdb3ac980c82fd6eae60ab754bb46a2929de25613661ee6');
INSERT INTO "record" VALUES(2,'abcd0000000040008000000000000005','1fbe179af1c0625e854316a89d36c156471f17fe4a93074914a72faa5403aaf3','20117403184ef6d79cfa61e89347b175f4093d8dbf34bb80f6d786f5dc58a143',1289830521,2,0,'pruned',1,'[[1,[0.5882352941176471,-0.3333333333333333],2.3333333333333335,0.1111111111111111]]',NULL,2.83333333333333348136e+00,2.11111111111111110494e-01,'{"total_j":2.8333333333333335,"source":"measured:counter","scope":"gpu","attribution":"exclusive","lo_j":2.8333333333333335,"hi_j":null,"coverage":0.97,"cpu_j":0.3333333333333333,"cpu_source":"estimated:cpu_load","gpus":[{"uuid":"GPU-1","name":"Test GPU","energy_j":2.8333333333333335,"device_j":0.30000000000000004,"power_limit_w":300.0}],"flags":["counter_reset"]}','{"gpu":"Test GPU","memory_mib":81920}',NULL,'pruner: median at rung 3: über dem Mittel','ann','n1','{"commit":null,"sweep":"digits-0000","versions":{"torch":"2.9.1"}}',1700000000.25,1700000001.125,1767225600.5,NULL,'63bbaaa567deff9811e8078eee02e541bb22e46a472ba60f2e83bb0f0e319f96');
CREATE TABLE sweep (
	uid CHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	config TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	state TEXT NOT NULL, 
	stopped_by TEXT, 
	who TEXT NOT NULL, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	proc_id TEXT NOT NULL, 
	holder CHAR(32) NOT NULL, 
	heartbeat_at REAL NOT NULL, 
	stop_at REAL, 
	overhead_j REAL, 
	elapsed_s REAL DEFAULT 0 NOT NULL, 
	started_at REAL NOT NULL, 
	ended_at REAL, 
	PRIMARY KEY (uid), 
	CHECK (state IN ('running', 'complete', 'stopped', 'failed'))
);
INSERT INTO "sweep" VALUES('abcd0000000040008000000000000003','digits','{"name":"digits"}','d000000000000000000000000000000000000000000000000000000000000000','stopped','interrupt','ann','n1',1,'another-boot|pid:[1]|1','abcd0000000040008000000000000002',1767225600.5,NULL,1.25,7.5,1767225600.5,1767225600.5);
INSERT INTO "sweep" VALUES('abcd0000000040008000000000000007','digits','{"name":"digits"}','d000000000000000000000000000000000000000000000000000000000000000','complete','space','bob','n1',1,'another-boot|pid:[1]|1','abcd0000000040008000000000000006',1767225600.5,NULL,NULL,1.0,1767225601.5,1767225600.5);
CREATE TABLE trial (
	sweep_uid CHAR(32) NOT NULL, 
	number INTEGER NOT NULL, 
	replicate INTEGER DEFAULT 0 NOT NULL, 
	attempt INTEGER NOT NULL, 
	holder CHAR(32) NOT NULL, 
	params TEXT NOT NULL, 
	config_key TEXT, 
	run_key TEXT, 
	uncached TEXT, 
	state TEXT NOT NULL, 
	asked BIGINT NOT NULL, 
	told BIGINT, 
	source TEXT, 
	record_uid CHAR(32), 
	steps BIGINT DEFAULT 0 NOT NULL, 
	curve TEXT, 
	final TEXT, 
	energy_j REAL, 
	energy TEXT, 
	elapsed_s REAL, 
	node TEXT, 
	gpus TEXT, 
	cause TEXT, 
	started_at REAL NOT NULL, 
	ended_at REAL, 
	PRIMARY KEY (sweep_uid, number, replicate, attempt), 
	CHECK (state IN ('parked', 'running', 'complete', 'pruned', 'failed', 'lost')), 
	CHECK (source IN ('run', 'cache', 'duplicate', 'attached')), 
	FOREIGN KEY(sweep_uid) REFERENCES sweep (uid), 
	FOREIGN KEY(record_uid) REFERENCES record (uid)
);
INSERT INTO "trial" VALUES('abcd0000000040008000000000000003',0,0,0,'abcd0000000040008000000000000002','{"lr":0.0,"layers":[8,8],"act":"relu","momentum":null}','4cecae39eb2f89c8bea808d25e4a795c7bf973424142c4287f939ce5ab34eb3d','d4e9f8a19b4029e0469e496e12f38cd6003d79da46335d524b715fc94cc9918e',NULL,'complete',1,2,'run','abcd0000000040008000000000000004',2,'[[1,[0.5882352941176471,-0.3333333333333333],2.3333333333333335,0.1111111111111111],[2,[0.37037037037037035,-0.6666666666666666],4.666666666666667,0.2222222222222222]]','[0.30000000000000004,-0.3333333333333333]',5.16666666666666696272e+00,'{"total_j":5.166666666666667,"source":"measured:counter","scope":"gpu","attribution":"exclusive","lo_j":5.166666666666667,"hi_j":null,"coverage":0.97,"cpu_j":0.3333333333333333,"cpu_source":"estimated:cpu_load","gpus":[{"uuid":"GPU-1","name":"Test GPU","energy_j":5.166666666666667,"device_j":0.30000000000000004,"power_limit_w":300.0}],"flags":["counter_reset"]}',3.22222222222222187681e-01,'n1','["GPU-1"]',NULL,1767225600.5,1767225600.5);
INSERT INTO "trial" VALUES('abcd0000000040008000000000000003',1,0,0,'abcd0000000040008000000000000002','{"lr":0.1,"layers":[8,8],"act":"relu","momentum":null}','20117403184ef6d79cfa61e89347b175f4093d8dbf34bb80f6d786f5dc58a143','1fbe179af1c0625e854316a89d36c156471f17fe4a93074914a72faa5403aaf3',NULL,'pruned',3,4,'run','abcd0000000040008000000000000005',1,'[[1,[0.5882352941176471,-0.3333333333333333],2.3333333333333335,0.1111111111111111]]',NULL,2.83333333333333348136e+00,'{"total_j":2.8333333333333335,"source":"measured:counter","scope":"gpu","attribution":"exclusive","lo_j":2.8333333333333335,"hi_j":null,"coverage":0.97,"cpu_j":0.3333333333333333,"cpu_source":"estimated:cpu_load","gpus":[{"uuid":"GPU-1","name":"Test GPU","energy_j":2.8333333333333335,"device_j":0.30000000000000004,"power_limit_w":300.0}],"flags":["counter_reset"]}',2.11111111111111110494e-01,'n1','["GPU-1"]',NULL,1767225600.5,1767225600.5);
INSERT INTO "trial" VALUES('abcd0000000040008000000000000003',2,0,0,'abcd0000000040008000000000000002','{"lr":0.2,"layers":[8,8],"act":"relu","momentum":null}','fd9120c8dbb925fa0010c89b65e84398d78a3281863810053a049f77a592f90a','65167272d2e74f9ae2d32af10e869450aba5eec74ad1fd62d81c651e3b021562',NULL,'lost',5,NULL,'run',NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1767225600.5,1767225600.5);
INSERT INTO "trial" VALUES('abcd0000000040008000000000000007',0,0,0,'abcd0000000040008000000000000006','{"lr":0.0,"layers":[8,8],"act":"relu","momentum":null}','4cecae39eb2f89c8bea808d25e4a795c7bf973424142c4287f939ce5ab34eb3d','d4e9f8a19b4029e0469e496e12f38cd6003d79da46335d524b715fc94cc9918e',NULL,'pruned',1,2,'cache','abcd0000000040008000000000000004',1,'[[1,[0.5882352941176471,-0.3333333333333333],2.3333333333333335,0.1111111111111111]]',NULL,2.33333333333333348136e+00,'{"total_j":5.166666666666667,"source":"measured:counter","scope":"gpu","attribution":"exclusive","lo_j":5.166666666666667,"hi_j":null,"coverage":0.97,"cpu_j":0.3333333333333333,"cpu_source":"estimated:cpu_load","gpus":[{"uuid":"GPU-1","name":"Test GPU","energy_j":5.166666666666667,"device_j":0.30000000000000004,"power_limit_w":300.0}],"flags":["counter_reset"]}',1.11111111111111104943e-01,NULL,'[]',NULL,1767225600.5,1767225600.5);
CREATE TABLE use (
	sweep_uid CHAR(32) NOT NULL, 
	trial_no INTEGER NOT NULL, 
	replicate INTEGER DEFAULT 0 NOT NULL, 
	record_uid CHAR(32) NOT NULL, 
	kind TEXT NOT NULL, 
	steps_used BIGINT NOT NULL, 
	avoided_j REAL, 
	comparable BOOLEAN NOT NULL, 
	who TEXT NOT NULL, 
	at REAL NOT NULL, 
	PRIMARY KEY (sweep_uid, trial_no, replicate), 
	CHECK (kind IN ('cache', 'duplicate', 'attached')), 
	FOREIGN KEY(sweep_uid) REFERENCES sweep (uid), 
	FOREIGN KEY(record_uid) REFERENCES record (uid)
);
INSERT INTO "use" VALUES('abcd0000000040008000000000000007',0,0,'abcd0000000040008000000000000004','cache',1,2.33333333333333348136e+00,1,'bob',1767225600.5);
CREATE TABLE verdict (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	record_uid CHAR(32) NOT NULL, 
	verdict TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	who TEXT NOT NULL, 
	at REAL NOT NULL, 
	CHECK (verdict IN ('revoked', 'suspect', 'confirmed', 'restored')), 
	FOREIGN KEY(record_uid) REFERENCES record (uid)
);
CREATE INDEX sweep_resume ON sweep (digest, who, started_at);
CREATE INDEX config_code ON config (namespace_h, objective_h, code_h, created_at);
CREATE INDEX config_params ON config (namespace_h, objective_h, params_h);
CREATE INDEX claim_holder ON claim (holder);
CREATE INDEX record_config ON record (config_key);
CREATE INDEX record_run ON record (run_key, seq);
CREATE INDEX verdict_record ON verdict (record_uid, id);
CREATE UNIQUE INDEX trial_told ON trial (sweep_uid, told) WHERE told IS NOT NULL;
CREATE INDEX use_record ON use (record_uid);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('claim',3);
INSERT INTO "sqlite_sequence" VALUES('record',2);
COMMIT;
