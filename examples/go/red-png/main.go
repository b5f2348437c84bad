// Answers every GetObject with the same picture: 200x200 pixels of pure red, as PNG.
//
// Build: CGO_ENABLED=0 GOOS=linux go build -o main . Handler: main.
package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"

	"github.com/aliyun/aliyun-oss-go-sdk/oss"
	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

type event struct {
	GetObjectContext struct {
		OutputRoute string `json:"outputRoute"`
		OutputToken string `json:"outputToken"`
	} `json:"getObjectContext"`
}

func handle(ctx context.Context, e event) (string, error) {
	request := e.GetObjectContext
	fctx, _ := fccontext.FromContext(ctx)
	given := fctx.Credentials
	client, err := oss.New(request.OutputRoute, given.AccessKeyId, given.AccessKeySecret,
		oss.SecurityToken(given.SecurityToken), oss.AuthVersion(oss.AuthV4), oss.Region(fctx.Region))
	if err != nil {
		return "", err
	}
	body, err := redSquare(200)
	if err != nil {
		return "", err
	}
	headers := map[string]string{
		"x-oss-request-route":           request.OutputRoute,
		"x-oss-request-token":           request.OutputToken,
		"x-oss-fwd-status":              "200",
		"x-oss-fwd-header-Content-Type": "image/png",
	}
	answer := map[string]interface{}{"x-oss-write-get-object-response": nil}
	response, err := client.Conn.Do("POST", "", "", answer, headers, bytes.NewReader(body), 0, nil)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	return fmt.Sprintf("answered: %d", response.StatusCode), nil
}

func redSquare(side int) ([]byte, error) {
	picture := image.NewRGBA(image.Rect(0, 0, side, side))
	draw.Draw(picture, picture.Bounds(), image.NewUniform(color.RGBA{R: 255, A: 255}), image.Point{}, draw.Src)
	var file bytes.Buffer
	err := png.Encode(&file, picture)
	return file.Bytes(), err
}

func main() {
	fc.Start(handle)
}
