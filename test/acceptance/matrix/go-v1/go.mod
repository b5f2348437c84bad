module sluice.test/matrix/go-v1

go 1.18

require github.com/aliyun/aliyun-oss-go-sdk v3.0.2+incompatible

require golang.org/x/time v0.4.0 // indirect
