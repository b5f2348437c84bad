module sluice.test/acts

go 1.18

require github.com/aliyun/fc-runtime-go-sdk v0.0.2
